"""What was found on disk: content digests, the fingerprint over them, and how the counts differ from the published."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness.datasets.base import Passport
from harness.errors import BadInput
from harness.files.cache import cache_folder


def fingerprint(files: Iterable[tuple[str, str, int, int]]) -> str:
    """SHA-256 over (name relative to the dataset's root, SHA-256 of the content, identity, camera) of every file.

    The order of ``files`` does not matter, and nothing above the dataset's root enters.
    """
    lines = sorted(f"{name}\t{digest}\t{identity}\t{camera}\n" for name, digest, identity, camera in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def content_digests(folder: Path, names: Sequence[str]) -> list[str]:
    """SHA-256 of the content of each file of ``folder``, in the order of ``names``.

    The list is kept in the cache folder, under the folder's path and the files' names, with their sizes and times of
    change, so that a second load reads no image. Raises BadInput naming a file that cannot be read.
    """
    signature = _signature(folder, names)
    # The names too: two datasets may take different files of one folder.
    place = hashlib.sha256("\n".join([str(folder.resolve()), *names]).encode()).hexdigest()[:16]
    kept = cache_folder() / "passports" / f"{place}.json"
    digests = _kept_digests(kept, signature, len(names))
    if digests is None:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            digests = list(pool.map(_digest, (folder / name for name in names), chunksize=64))
        _keep(kept, signature, digests)
    return digests


def verified(
    dataset: str, fingerprint: str, counts: Mapping[str, int], published: Mapping[str, int], remarks: Iterable[str] = ()
) -> Passport:
    """The passport, whose variant is ``official`` when every published count was found, else ``differs: ...``."""
    differences = [
        f"{name} is {counts.get(name, 0):,}, published {expected:,}"
        for name, expected in published.items()
        if counts.get(name, 0) != expected
    ]
    variant = "differs: " + "; ".join(differences) if differences else "official"
    sentences = [f"{difference}." for difference in differences]
    return Passport(dataset, variant, fingerprint, dict(counts), (*sentences, *remarks), official=not differences)


def _signature(folder: Path, names: Sequence[str]) -> str:
    hasher = hashlib.sha256()
    with os.scandir(folder) as entries:
        stats = {entry.name: entry for entry in entries}
    for name in names:
        # The time of change cannot be set back by a user, as the time of modification can.
        try:
            stat = stats[name].stat()
        except OSError as error:
            raise _unreadable(folder / name, error) from error
        hasher.update(f"{name}\t{stat.st_size}\t{stat.st_mtime_ns}\t{stat.st_ctime_ns}\n".encode())
    return hasher.hexdigest()


def _kept_digests(kept: Path, signature: str, count: int) -> list[str] | None:
    """The digests kept for these very files; None for none, for other files, or for a damaged list."""
    try:
        content = json.loads(kept.read_text())
        digests = content["digests"] if content["signature"] == signature else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return digests if isinstance(digests, list) and len(digests) == count else None


def _keep(kept: Path, signature: str, digests: list[str]) -> None:
    # Without room for the list, the next load only reads the images again.
    with contextlib.suppress(OSError):
        kept.parent.mkdir(exist_ok=True)
        partial = kept.with_suffix(f".{os.getpid()}.part")
        try:
            partial.write_text(json.dumps({"signature": signature, "digests": digests}))
            os.replace(partial, kept)
        finally:
            partial.unlink(missing_ok=True)


def _digest(file: Path) -> str:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> BadInput:
    return BadInput(f"{file} cannot be read ({error.strerror}); make it readable")
