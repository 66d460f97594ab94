"""Fetching: archives are verified, resumed and extracted; withdrawn datasets are refused. No test needs a network."""

import hashlib
import stat
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import gdown
import pytest

from harness.datasets import DATASETS, fetching
from harness.datasets.fetching import fetch
from harness.datasets.market1501 import MARKET1501
from harness.datasets.sources import PUBLIC, WITHDRAWN
from harness.errors import BadInput
from harness.files.writable import require_writable


@pytest.fixture
def published(tmp_path, monkeypatch):
    """An archive published as Market-1501's. A local file plays the server; ``served`` lists the calls of gdown."""
    archive = tmp_path / "server.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("Market/query/x.jpg", b"image")
    served = []

    def download(url, output, quiet, resume):
        served.append((url, resume))
        with open(output, "wb") as file:
            file.write(archive.read_bytes())
        return output

    monkeypatch.setattr(gdown, "download", download)
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    monkeypatch.setitem(PUBLIC, "market1501", replace(PUBLIC["market1501"], md5s=(md5,)))
    return archive, served


def test_a_public_archive_is_downloaded_verified_and_extracted(tmp_path, published):
    _, served = published
    said = []
    folder = fetch(MARKET1501, tmp_path / "data", said.append)
    assert folder == tmp_path / "data" / "Market-1501-v15.09.15"
    assert (folder / "query" / "x.jpg").read_bytes() == b"image"
    assert MARKET1501.find(tmp_path / "data") == folder
    assert served == [("https://drive.google.com/uc?id=0B8-rUzbwVRk0c054eEozWG9COHM", True)]
    assert any("MD5" in line and "as published" in line for line in said)


def test_two_that_fetch_at_once_fetch_it_once(tmp_path, published, monkeypatch):
    _, served = published
    both, whole = threading.Barrier(2), gdown.download
    monkeypatch.setattr(fetching, "require_writable", lambda folder: require_writable(folder) or both.wait(10))
    monkeypatch.setattr(gdown, "download", lambda **asked: time.sleep(0.2) or whole(**asked))
    with ThreadPoolExecutor(2) as pool:
        folders = list(pool.map(lambda _: fetch(MARKET1501, tmp_path / "data", str), range(2)))
    assert folders[0] == folders[1] and len(served) == 1
    (lock,) = (tmp_path / "data" / "downloads").glob(".*.lock")
    assert stat.S_IMODE(lock.stat().st_mode) == 0o666, "another user may fetch too"
    assert (folders[0] / "query" / "x.jpg").read_bytes() == b"image"


def test_an_archive_that_the_user_put_there_is_taken(tmp_path, published):
    archive, served = published
    (tmp_path / "data" / "downloads").mkdir(parents=True)
    (tmp_path / "data" / "downloads" / "Market-1501-v15.09.15.zip").write_bytes(archive.read_bytes())
    assert fetch(MARKET1501, tmp_path / "data", print).is_dir()
    assert served == []


def test_another_checksum_is_refused_and_nothing_is_extracted(tmp_path, published):
    archive, _ = published
    archive.write_bytes(archive.read_bytes()[:-1])
    with pytest.raises(BadInput, match=r"has the MD5 \w+, published \w+; .* delete it and fetch again"):
        fetch(MARKET1501, tmp_path / "data", print)
    assert MARKET1501.find(tmp_path / "data") is None


def test_a_download_that_fails_is_one_sentence_and_the_next_fetch_goes_on(tmp_path, published, monkeypatch):
    archive, _ = published

    def broken(url, output, quiet, resume):
        with open(output + ".part", "ab") as file:
            file.write(archive.read_bytes()[:10])
        raise gdown.exceptions.FileURLRetrievalError("Too many users\n have viewed this file")

    def continued(url, output, quiet, resume):
        assert resume
        with open(output + ".part", "rb") as part, open(output, "wb") as file:
            begun = part.read()
            file.write(begun + archive.read_bytes()[len(begun) :])

    monkeypatch.setattr(gdown, "download", broken)
    with pytest.raises(BadInput, match=r"Too many users have viewed this file\); try again, .* or put the archive in"):
        fetch(MARKET1501, tmp_path / "data", print)
    monkeypatch.setattr(gdown, "download", continued)
    assert fetch(MARKET1501, tmp_path / "data", print).is_dir()


def test_no_network_is_one_sentence(tmp_path, published, monkeypatch):
    def unreachable(**_):
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(gdown, "download", unreachable)
    with pytest.raises(BadInput, match="could not be fetched"):
        fetch(MARKET1501, tmp_path / "data", print)


def test_a_data_root_that_cannot_be_written_is_said_before_anything_is_fetched(tmp_path, published):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match="file cannot be written"):
        fetch(MARKET1501, tmp_path / "file", print)
    assert published[1] == []


def test_a_dataset_that_is_there_is_not_fetched_over(tmp_path, published):
    (tmp_path / "data" / "Market-1501-v15.09.15").mkdir(parents=True)
    with pytest.raises(BadInput, match="is there already; check it"):
        fetch(MARKET1501, tmp_path / "data", print)


@pytest.mark.parametrize("dataset_id", sorted(WITHDRAWN))
def test_withdrawn_datasets_are_never_fetched(tmp_path, published, dataset_id):
    _, served = published
    with pytest.raises(BadInput, match="withdrawn by its authors in 2019"):
        fetch(DATASETS[dataset_id], tmp_path / "data", print)
    assert served == [] and not (tmp_path / "data").exists()


def test_datasets_given_on_request_are_refused_with_their_page(tmp_path, published):
    with pytest.raises(BadInput, match=r"no public file to fetch: .*agreement.* https://github.com/wuancong/SYSU-MM01"):
        fetch(DATASETS["sysu_all"], tmp_path / "data", print)


def test_every_dataset_of_duke_images_is_known_as_withdrawn_and_every_source_is_of_a_known_dataset():
    told = {spec.id for spec in DATASETS.values() if "withdrawn" in spec.obtain}
    assert told == WITHDRAWN
    assert set(PUBLIC) <= set(DATASETS) and not set(PUBLIC) & WITHDRAWN
