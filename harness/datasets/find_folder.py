"""Where a dataset is under the data root, whatever capitals, hyphens and underscores its folder's name has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import BadInput


def find_folder(data_root: Path, names: Sequence[str], holding: Sequence[str]) -> Path | None:
    """The folder that is called one of ``names`` and has at least one of ``holding`` in it; None without any.

    ``names`` are lower case letters and digits only: ``dukemtmcreid`` stands for ``DukeMTMC-reID``, ``dukemtmc_reid``
    and so on; earlier ones are preferred. Looked at are the data root itself, its folders, and, since archives are
    often extracted into a folder of the same name, the folders of those that are called so.
    """
    called = list(_called(data_root, names))
    for name in names:
        for folder in called:
            if _plain(folder) == name and any((folder / inside).exists() for inside in holding):
                return folder
    return None


def require_folders(title: str, root: Path, folders: Sequence[str], tree: str) -> None:
    """Raise BadInput naming the ``folders`` that ``root`` lacks and the ``tree`` expected."""
    missing = [name for name in folders if not (root / name).is_dir()]
    if missing:
        raise BadInput(f"{root} lacks the folder(s) {', '.join(missing)}; {title} is expected as {tree}")


def _called(data_root: Path, names: Sequence[str]) -> Iterator[Path]:
    if _plain(data_root.absolute()) in names:
        yield data_root
    for folder in _folders_called(data_root, names):
        yield folder
        yield from _folders_called(folder, names)


def _folders_called(parent: Path, names: Sequence[str]) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(entry for entry in parent.iterdir() if _plain(entry) in names and entry.is_dir())


def _plain(folder: Path) -> str:
    return re.sub(r"[^a-z0-9]", "", folder.name.lower())
