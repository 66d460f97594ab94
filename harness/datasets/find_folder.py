"""Finds a dataset's folder under the data root. Capitals, hyphens and underscores in its name do not matter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.errors import BadInput


def find_folder(data_root: Path, names: Sequence[str], holding: Sequence[str]) -> Path | None:
    """The folder with one of ``names`` that holds at least one of ``holding``; None if there is none.

    ``names`` have lower case letters and digits only: ``dukemtmcreid`` stands for ``DukeMTMC-reID``,
    ``dukemtmc_reid`` and so on. Earlier names are preferred. Candidates are the data root, its folders with such a
    name, and their folders with such a name: archives are often extracted into a folder of the same name.
    """
    candidates = list(_candidates(data_root, names))
    for name in names:
        for folder in candidates:
            if _plain_name(folder) == name and any((folder / inside).exists() for inside in holding):
                return folder
    return None


def require_folders(title: str, root: Path, folders: Sequence[str], tree: str) -> None:
    """Raise BadInput if a folder is missing.

    Args:
        title: The dataset's name, for the message.
        root: The dataset's root.
        folders: Names of folders that must be in it.
        tree: The layout expected, for the message.
    """
    missing = [name for name in folders if not (root / name).is_dir()]
    if missing:
        raise BadInput(f"{root} lacks the folder(s) {', '.join(missing)}; {title} is expected as {tree}")


def _candidates(data_root: Path, names: Sequence[str]) -> Iterator[Path]:
    if _plain_name(data_root.absolute()) in names:
        yield data_root
    for folder in _folders_named(data_root, names):
        yield folder
        yield from _folders_named(folder, names)


def _folders_named(parent: Path, names: Sequence[str]) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(entry for entry in parent.iterdir() if _plain_name(entry) in names and entry.is_dir())


def _plain_name(folder: Path) -> str:
    return re.sub(r"[^a-z0-9]", "", folder.name.lower())
