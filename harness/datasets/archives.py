"""Archives from the outside, extracted without trust: no path escapes, and a folder is whole or not there at all.

zipfile and tarfile (with its ``data`` filter) extract each file. The checks before that stay here, because both are
milder: zipfile drops ``..`` from a name and goes on, the filter drops a leading ``/`` and lets links pass that stay
inside, and both write the second file of a name over the first.
"""

from __future__ import annotations

import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from harness.errors import BadInput
from harness.progress import Progress

_LEFT_OUT = {"__MACOSX", ".DS_Store", "Thumbs.db"}
"""Files and folders that operating systems add to archives. They are not extracted."""

_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, EOFError, NotImplementedError, zlib.error, lzma.LZMAError)
"""Errors that reading a damaged archive raises, beside OSError."""


@dataclass(frozen=True)
class _Member:
    """One entry: its name as written, its declared size in bytes, and how to extract it, unless it is a folder."""

    name: str
    size: int
    is_folder: bool
    is_plain: bool
    extract: Callable[[Path], object]


def extract(archive: Path, folder: Path, progress: Progress | None = None) -> None:
    """Extract a zip or tar ``archive`` as the new folder ``folder``.

    If the archive has one folder at its top, this one becomes ``folder``, whatever its name. Files are written beside
    ``folder``, which is renamed into place when it is whole; ``progress`` hears the bytes written and all bytes. Raises
    BadInput if ``folder`` exists, and for an archive that is damaged, encrypted or too large for the disk, or that
    holds links, devices, absolute names or names that lead out of it. Nothing is left behind.
    """
    if folder.exists():
        raise BadInput(f"{folder} is there already; move it away to extract {archive.name} again")
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".extracting-"))
    try:
        with _open(archive) as members:
            wanted = _choose_members(archive, members)
            _require_room(archive, folder.parent, sum(member.size for _, member in wanted))
            _write(archive, wanted, aside, progress)
        # mkdtemp's folder is private to its owner, but the dataset should be as readable as any new folder.
        aside.chmod(0o777 & ~_file_mask())
        os.rename(_top_folder(aside), folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _open(archive: Path) -> Iterator[list[_Member]]:
    damaged = f"{archive} is damaged or neither a zip nor a tar archive"
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                if any(info.flag_bits & 1 for info in zipped.infolist()):
                    raise BadInput(f"{archive} is encrypted; extract it by hand with the password its authors gave you")
                yield [_zip_member(zipped, info) for info in zipped.infolist()]
        else:
            with tarfile.open(archive) as tarred:
                # An attribute, since Python before 3.11.4 has neither the filter nor an argument for it.
                tarred.extraction_filter = getattr(tarfile, "data_filter", None)
                members = [_tar_member(tarred, info) for info in tarred.getmembers()]
                _read_to_the_end(tarred)
                yield members
    except (*_DAMAGE, OSError) as error:
        if isinstance(error, OSError) and not _is_damage(error):
            raise
        raise BadInput(f"{damaged} ({error}); delete it and fetch it again") from error


def _read_to_the_end(tarred: tarfile.TarFile) -> None:
    """Let the decompressor check the archive's sum, which stands behind the last entry."""
    assert tarred.fileobj is not None
    while tarred.fileobj.read(1 << 20):
        pass


def _is_damage(error: OSError) -> bool:
    """Whether gzip or bz2 raised it for damaged content. An error of the system has a number."""
    return error.errno is None


def _zip_member(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    # The upper half of external_attr is the Unix mode, or 0 if the archive was not made on Unix.
    kind = stat.S_IFMT(info.external_attr >> 16)
    is_plain = kind in (0, stat.S_IFDIR if info.is_dir() else stat.S_IFREG)
    return _Member(info.filename, info.file_size, info.is_dir(), is_plain, lambda folder: zipped.extract(info, folder))


def _tar_member(tarred: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    def extract(folder: Path) -> None:
        # Without the archive's own modes, which tarfile would set whatever the umask says.
        tarred.extract(info, folder, set_attrs=False)

    return _Member(info.name, info.size, info.isdir(), info.isdir() or info.isreg(), extract)


def _choose_members(archive: Path, members: Iterable[_Member]) -> list[tuple[PurePosixPath, _Member]]:
    """The files and folders to write, each with its path inside. Raises BadInput for a bad member."""
    wanted = []
    for member in members:
        if not member.is_plain:
            raise BadInput(f"{archive} holds a link or device ({member.name}); it is not the published archive")
        path = PurePosixPath(member.name)
        leads_out = path.is_absolute() or ".." in path.parts or "\0" in member.name
        if leads_out or "\\" in member.name or PureWindowsPath(member.name).drive:
            raise BadInput(f"{archive} holds a name that leads out of it ({member.name!r}); nothing was extracted")
        if path.parts and not _LEFT_OUT & set(path.parts):
            wanted.append((path, member))
    if not wanted:
        raise BadInput(f"{archive} is empty; delete it and fetch it again")
    return wanted


def _require_room(archive: Path, place: Path, size: int) -> None:
    free = shutil.disk_usage(place).free
    if size > free:
        raise BadInput(
            f"{archive} extracts to {size / 2**30:.1f} GiB and {place} has {free / 2**30:.1f} GiB free; make room"
        )


def _write(archive: Path, wanted: list[tuple[PurePosixPath, _Member]], aside: Path, progress: Progress | None) -> None:
    total = sum(member.size for _, member in wanted)
    written = 0
    for path, member in wanted:
        target = aside / path
        try:
            if member.is_folder:
                # Not by tarfile, which gives a folder mode 0700 where it sets no modes and has no filter.
                target.mkdir(parents=True, exist_ok=True)
                continue
            if target.exists():
                raise FileExistsError
            member.extract(aside)
        except (FileExistsError, NotADirectoryError) as error:
            raise BadInput(f"{archive} holds {path} twice; it is not the published archive") from error
        except OSError as error:
            if _is_damage(error):
                raise
            raise BadInput(
                f"{target.parent} cannot be written ({error.strerror}); fix that and extract {archive} again"
            ) from error
        written += member.size
        if progress:
            progress(written, total)


def _top_folder(aside: Path) -> Path:
    """The only entry of ``aside``, if it is a folder; else ``aside``."""
    entries = list(aside.iterdir())
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else aside


def _file_mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
