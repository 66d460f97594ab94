"""Archives: files come out byte for byte, and a bad archive leaves nothing behind."""

import bz2
import gzip
import io
import lzma
import os
import random
import stat
import tarfile
import zipfile
from collections import namedtuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.datasets import archives
from harness.datasets.archives import extract
from harness.errors import BadInput


def zip_of(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tar_of(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def files_below(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(tmp_path, archive, words):
    """The archive is refused with these words, and nothing of it is left."""
    target = tmp_path / "data" / "set"
    target.parent.mkdir(exist_ok=True)
    with pytest.raises(BadInput, match=words):
        extract(archive, target)
    assert list(target.parent.iterdir()) == []


names = st.lists(st.sampled_from(["a", "b", "query", "0001.jpg"]), min_size=1, max_size=3).map("/".join)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    files=st.dictionaries(names, st.binary(max_size=30), min_size=1, max_size=4), pack=st.sampled_from([zip_of, tar_of])
)
def test_packed_files_come_out_byte_for_byte(tmp_path_factory, files, pack):
    files = {f"{number}/{name}": content for number, (name, content) in enumerate(files.items())}
    folder = tmp_path_factory.mktemp("law")
    extract(pack(folder / "archive", {"top/first": b"1", **{f"top/{k}": v for k, v in files.items()}}), folder / "set")
    assert files_below(folder / "set") == {"first": b"1", **files}


@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_a_single_top_folder_becomes_the_folder_whatever_its_name(tmp_path, pack):
    archive = pack(tmp_path / "a", {"Market-1501/query/x.jpg": b"x", "Market-1501/readme.txt": b"r"})
    extract(archive, tmp_path / "market")
    assert files_below(tmp_path / "market") == {"query/x.jpg": b"x", "readme.txt": b"r"}


def test_several_entries_at_the_top_stay_below_the_folder_and_leftovers_of_systems_do_not_count(tmp_path):
    archive = zip_of(
        tmp_path / "a", {"train/x": b"x", "query/y": b"y", "__MACOSX/train/._x": b"", "train/.DS_Store": b""}
    )
    extract(archive, tmp_path / "set")
    assert files_below(tmp_path / "set") == {"train/x": b"x", "query/y": b"y"}
    assert stat.S_IMODE((tmp_path / "set").stat().st_mode) == stat.S_IMODE((tmp_path / "set/train").stat().st_mode)


@pytest.mark.parametrize("name", ["../evil", "top/../../evil", "/etc/evil", "C:/evil", "C:evil", "..\\evil"])
@pytest.mark.parametrize("pack", [zip_of, tar_of])
def test_a_name_that_leads_out_is_refused_before_anything_is_written(tmp_path, pack, name):
    refused(tmp_path, pack(tmp_path / "a", {"top/good": b"g", name: b"evil"}), "leads out of it")
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("kind", ["SYMTYPE", "LNKTYPE", "CHRTYPE", "FIFOTYPE"])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    with tarfile.open(tmp_path / "a", "w") as archive:
        member = tarfile.TarInfo("top/link")
        member.type, member.linkname = getattr(tarfile, kind), "/etc/passwd"
        archive.addfile(member)
    refused(tmp_path, tmp_path / "a", r"link or device \(top/link\)")


def test_a_symbolic_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("top/link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(tmp_path, tmp_path / "a", "link or device")


def test_a_damaged_archive_is_named(tmp_path):
    archive = zip_of(tmp_path / "a", {"top/x": bytes(range(256)) * 40})
    content = bytearray(archive.read_bytes())
    content[60] ^= 0xFF
    archive.write_bytes(content)
    refused(tmp_path, archive, "damaged .*; delete it and fetch it again")
    archive.write_bytes(b"<html>quota exceeded</html>")
    refused(tmp_path, archive, "neither a zip nor a tar")
    whole = tar_of(tmp_path / "b", {"top/x": bytes(range(256)) * 400}).read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, archive, "damaged")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("place", [0.3, 0.99])
def test_a_byte_that_changed_in_a_compressed_tar_is_noticed(tmp_path, pack, place):
    content = random.Random(0).randbytes(300_000)
    with tarfile.open(tmp_path / "plain", "w") as archive:
        member = tarfile.TarInfo("top/x")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    packed = bytearray(pack((tmp_path / "plain").read_bytes()))
    packed[int(len(packed) * place)] ^= 0xFF
    (tmp_path / "a").write_bytes(packed)
    refused(tmp_path, tmp_path / "a", "damaged")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_byte_that_changed_in_a_zip_is_noticed(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "whole", "w", method) as archive:
        archive.writestr("top/x", random.Random(0).randbytes(30_000))
    packed = bytearray((tmp_path / "whole").read_bytes())
    packed[15_000] ^= 0xFF
    (tmp_path / "a").write_bytes(packed)
    refused(tmp_path, tmp_path / "a", "damaged")


def test_an_encrypted_archive_is_refused(tmp_path):
    archive = zip_of(tmp_path / "a", {"top/x": b"x"})
    content = archive.read_bytes()
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = content.index(header) + offset
        content = content[:place] + b"\x01" + content[place + 1 :]
    archive.write_bytes(content)
    refused(tmp_path, archive, "encrypted")


def test_a_file_named_twice_and_an_empty_archive_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("top/x", "1")
        archive.writestr("top/x", "2")
    refused(tmp_path, tmp_path / "a", "holds top/x twice")
    refused(tmp_path, zip_of(tmp_path / "b", {}), "is empty")


def test_a_folder_that_is_there_is_not_touched(tmp_path):
    (tmp_path / "set").mkdir()
    with pytest.raises(BadInput, match="is there already"):
        extract(zip_of(tmp_path / "a", {"top/x": b"x"}), tmp_path / "set")
    assert files_below(tmp_path / "set") == {}


def test_an_archive_larger_than_the_disk_is_refused(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(archives.shutil, "disk_usage", lambda _: usage(100, 90, 10))
    refused(tmp_path, zip_of(tmp_path / "a", {"top/x": b"x" * 11}), "make room")


@pytest.mark.parametrize("kind", ["DIRTYPE", "REGTYPE"])
def test_the_umask_says_who_may_read_what_comes_out_of_a_tar_whatever_its_modes(tmp_path, kind):
    with tarfile.open(tmp_path / "a", "w") as archive:
        for name, mode in (("top/private", 0o600), ("top/open", 0o777)):
            member = tarfile.TarInfo(name)
            member.type, member.mode = getattr(tarfile, kind), mode
            archive.addfile(member)
    before = os.umask(0o027)
    try:
        extract(tmp_path / "a", tmp_path / "set")
    finally:
        os.umask(before)
    wanted = 0o750 if kind == "DIRTYPE" else 0o640
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "set").iterdir()} == {wanted}
    assert stat.S_IMODE((tmp_path / "set").stat().st_mode) == 0o750


def test_a_name_that_is_a_file_and_a_folder_is_refused(tmp_path):
    for number, names in enumerate((("top/x", "top/x/y"), ("top/x/y", "top/x"), ("top/x", "top/x/"))):
        for pack in (zip_of, tar_of):
            refused(tmp_path, pack(tmp_path / f"{number}-{pack.__name__}", dict.fromkeys(names, b"")), "twice")


def test_progress_ends_at_the_bytes_in_all(tmp_path):
    seen = []
    extract(zip_of(tmp_path / "a", {"t/x": b"123", "t/y": b"45"}), tmp_path / "set", lambda *step: seen.append(step))
    assert seen == [(3, 5), (5, 5)]
