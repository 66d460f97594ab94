"""Makes passports: content digests, the fingerprint over them, and differences from the published counts."""

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
from harness.files.hashing import file_digest


def fingerprint(files: Iterable[tuple[str, str, int, int]]) -> str:
    """SHA-256 over (name relative to the dataset's root, SHA-256 of the content, identity, camera) of every file.

    The order of ``files`` does not matter.
    """
    lines = sorted(f"{name}\t{digest}\t{identity}\t{camera}\n" for name, digest, identity, camera in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def content_digests(folder: Path, names: Sequence[str]) -> list[str]:
    """SHA-256 of the content of each file of ``folder``, in the order of ``names``.

    The list is kept in the cache folder, with the files' sizes and times of change: a second load reads no image.
    Raises BadInput naming a file that cannot be read.
    """
    signature = _signature(folder, names)
    # The key includes the names: two datasets may take different files of one folder.
    place = hashlib.sha256("\n".join([str(folder.resolve()), *names]).encode()).hexdigest()[:16]
    kept = cache_folder() / "passports" / f"{place}.json"
    digests = _read_kept(kept, signature, len(names))
    if digests is None:
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            digests = list(pool.map(_digest, (folder / name for name in names), chunksize=64))
        _keep(kept, signature, digests)
    return digests


def make_passport(
    dataset: str, fingerprint: str, counts: Mapping[str, int], published: Mapping[str, int], remarks: Iterable[str] = ()
) -> Passport:
    """The passport. It is official if every published count was found; else its variant tells the differences.

    Args:
        dataset: Id of the dataset.
        fingerprint: SHA-256 over the files.
        counts: Counts found, named as in ``Passport``.
        published: Published counts, by the same names.
        remarks: Further sentences.
    """
    differences = count_differences(counts, published)
    variant = "differs: " + "; ".join(differences) if differences else "official"
    sentences = [f"{difference}." for difference in differences]
    return Passport(dataset, variant, fingerprint, dict(counts), (*sentences, *remarks), official=not differences)


def count_differences(counts: Mapping[str, int], published: Mapping[str, int]) -> list[str]:
    """Each count that differs from the published one, in words."""
    return [
        f"{name} is {counts.get(name, 0):,}, published {expected:,}"
        for name, expected in published.items()
        if counts.get(name, 0) != expected
    ]


def _signature(folder: Path, names: Sequence[str]) -> str:
    hasher = hashlib.sha256()
    with os.scandir(folder) as entries:
        stats = {entry.name: entry for entry in entries}
    for name in names:
        # A user can set back the time of modification, but not the time of change.
        try:
            stat = stats[name].stat()
        except OSError as error:
            raise _unreadable(folder / name, error) from error
        hasher.update(f"{name}\t{stat.st_size}\t{stat.st_mtime_ns}\t{stat.st_ctime_ns}\n".encode())
    return hasher.hexdigest()


def _read_kept(kept: Path, signature: str, count: int) -> list[str] | None:
    """The digests kept for these files; None if there are none, the files changed, or the list is damaged."""
    try:
        content = json.loads(kept.read_text())
        digests = content["digests"] if content["signature"] == signature else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return digests if isinstance(digests, list) and len(digests) == count else None


def _keep(kept: Path, signature: str, digests: list[str]) -> None:
    # If there is no room for the list, the next load reads the images again.
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
        return file_digest(file)
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> BadInput:
    return BadInput(f"{file} cannot be read ({error.strerror}); make it readable")
