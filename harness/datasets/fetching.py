"""Fetches a dataset into the data root: download (an interrupted one goes on), verify, extract."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from harness.datasets.archives import extract
from harness.datasets.base import DatasetSpec
from harness.datasets.sources import PUBLIC, WITHDRAWN, PublicArchive, page
from harness.errors import BadInput
from harness.files.writable import require_writable
from harness.progress import Progress

Say = Callable[[str], None]
"""Shows the user one line."""


def fetch(spec: DatasetSpec, data_root: Path, say: Say, progress: Progress | None = None) -> Path:
    """Fetch a dataset. Its archive is kept in ``data_root/downloads``; an archive put there by the user is taken.

    Args:
        spec: The dataset.
        data_root: The data root.
        say: Shows the user one line.
        progress: Called with the bytes extracted and all bytes.

    Returns:
        The dataset's folder.

    Raises:
        BadInput: A dataset that was withdrawn, or is given on request (naming the page and the form); a download that
            fails; an archive that is not the published one.
    """
    archive = public_archive(spec)
    folder = data_root / archive.folder
    if folder.exists():
        raise BadInput(f"{folder} is there already; check it with: python -m harness.data check {spec.id}")
    file = data_root / "downloads" / archive.name
    for written in (data_root, file.parent):
        require_writable(written)
    # The lock file stays: others who share the folder must be able to take it.
    with FileLock(file.with_name(f".{file.name}.lock"), mode=0o666):
        if folder.exists():
            say(f"another process has fetched {folder} meanwhile")
            return folder
        if file.exists():
            say(f"found {file}")
        else:
            say(f"fetching {archive.url} as {file}")
            _download(archive, file)
        say(_verify(archive, file))
        say(f"extracting into {folder}")
        extract(file, folder, progress)
    say(f"{file} is kept; it may be deleted")
    return folder


def public_archive(spec: DatasetSpec) -> PublicArchive:
    """The public archive of a dataset. Raises BadInput if there is none, saying how to get the dataset."""
    if spec.id in WITHDRAWN:
        raise BadInput(f"{spec.title} is not fetched: {spec.obtain}")
    if spec.id not in PUBLIC:
        raise BadInput(f"{spec.title} has no public file to fetch: {spec.obtain} {page(spec.id)}".rstrip())
    return PUBLIC[spec.id]


def _download(archive: PublicArchive, file: Path) -> None:
    import gdown

    try:
        # gdown writes beside ``file``, continues an interrupted download, and renames at the end.
        gdown.download(url=archive.url, output=str(file), quiet=not sys.stderr.isatty(), resume=True)
    except (OSError, gdown.exceptions.DownloadError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(
            f"{archive.url} could not be fetched ({reason}); try again, the download goes on where it stopped, or put "
            f"the archive in {file} yourself"
        ) from error
    if not file.exists():
        raise BadInput(f"{archive.url} could not be fetched; put the archive in {file} yourself")


def _verify(archive: PublicArchive, file: Path) -> str:
    """One sentence on the archive's size and checksum. Raises BadInput if the checksum is not a published one."""
    with file.open("rb") as content:
        md5 = hashlib.file_digest(content, "md5").hexdigest()
    size = f"{file.stat().st_size:,} bytes"
    if not archive.md5s:
        return f"{file.name}: {size}, MD5 {md5}; none is published, so it is judged by its counts"
    if md5 not in archive.md5s:
        raise BadInput(
            f"{file} ({size}) has the MD5 {md5}, published {' or '.join(archive.md5s)}; it is cut short or another "
            "file, delete it and fetch again"
        )
    return f"{file.name}: {size}, MD5 {md5} as published"
