"""Decoding: Pillow resizes the pixels, once, and broken images are named."""

import errno
import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from harness.datasets import images
from harness.datasets.base import Dataset, Passport, Split
from harness.datasets.images import decoded
from harness.errors import BadInput
from harness.files.cache import cache_folder

COUNT = 7


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path):
    generator = np.random.default_rng(0)
    (tmp_path / "data").mkdir()
    names = tuple(f"{row:04d}.jpg" for row in range(COUNT))
    for name in names:
        pixels = generator.integers(0, 256, (32, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "data" / name, "JPEG")
    numbers = np.arange(COUNT)
    split = Split(names, numbers, numbers)
    return Dataset("miniature", tmp_path / "data", split, split, split, Passport("miniature", "", "f" * 64, {}))


def _break(data, row):
    file = data.root / data.train.names[row]
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return file


def _kept(tmp_path):
    return list((tmp_path / "cache" / "images").glob("*.npy"))


def test_each_row_is_its_image_resized_by_antialiased_bilinear_interpolation(data):
    pixels = decoded(data, "train", 12, 6)
    assert pixels.shape == (COUNT, 12, 6, 3)
    assert pixels.dtype == np.uint8
    for row, name in enumerate(data.train.names):
        with Image.open(data.root / name) as image:
            expected = np.asarray(image.resize((6, 12), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(pixels[row], expected)


def test_rows_keep_their_order_across_chunks(data, monkeypatch):
    whole = np.array(decoded(data, "train", 12, 6))
    monkeypatch.setattr(images, "IMAGES_PER_CHUNK", 3)
    np.testing.assert_array_equal(decoded(data, "query", 12, 6), whole)


def test_an_image_of_its_own_size_is_not_resampled_and_grey_becomes_three_equal_channels(data):
    grey = Image.fromarray(np.arange(512, dtype=np.uint16).reshape(32, 16).astype(np.uint8), "L")
    grey.save(data.root / data.train.names[0], "PNG")
    pixels = decoded(data, "train", 32, 16)[0]
    for channel in range(3):
        np.testing.assert_array_equal(pixels[:, :, channel], np.asarray(grey))


def test_a_second_call_decodes_nothing(data, monkeypatch):
    first = np.array(decoded(data, "train", 12, 6))
    monkeypatch.setattr(images, "_decode", None)
    again = decoded(data, "train", 12, 6)
    np.testing.assert_array_equal(again, first)
    assert not again.flags.writeable


def test_other_sizes_splits_and_contents_have_files_of_their_own(data, tmp_path):
    decoded(data, "train", 12, 6)
    decoded(data, "train", 6, 12)
    decoded(data, "query", 12, 6)
    other = Dataset("other", data.root, data.train, data.query, data.gallery, Passport("other", "", "e" * 64, {}))
    decoded(other, "train", 12, 6)
    assert len(_kept(tmp_path)) == 4


def test_a_file_cut_short_is_made_again(data, tmp_path):
    first = np.array(decoded(data, "train", 12, 6))
    (kept,) = _kept(tmp_path)
    kept.write_bytes(kept.read_bytes()[:-50])
    np.testing.assert_array_equal(decoded(data, "train", 12, 6), first)


def test_files_left_by_a_killed_process_are_overwritten(data, tmp_path):
    first = np.array(decoded(data, "train", 12, 6))
    (kept,) = _kept(tmp_path)
    kept.rename(kept.with_suffix(".part"))
    np.testing.assert_array_equal(decoded(data, "train", 12, 6), first)
    assert list(kept.parent.glob("*.part")) == []


def test_progress_ends_at_the_number_of_images(data, monkeypatch):
    monkeypatch.setattr(images, "IMAGES_PER_CHUNK", 3)
    seen = []
    decoded(data, "train", 12, 6, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(3, COUNT), (6, COUNT), (COUNT, COUNT)]


def test_a_truncated_jpeg_is_named_after_one_attempt_and_nothing_is_kept(data, tmp_path, monkeypatch):
    file = _break(data, 2)
    attempts = []
    decode = images._decode
    monkeypatch.setattr(images, "_decode", lambda file, *size: attempts.append(file) or decode(file, *size))
    with pytest.raises(BadInput) as caught:
        decoded(data, "train", 12, 6)
    assert f"1 image cannot be decoded to 8 bits per channel: {file}; replace" in str(caught.value)
    assert attempts.count(file) == 1
    assert _kept(tmp_path) == []
    assert list((tmp_path / "cache" / "images").glob("*.part")) == []


def test_all_corrupt_images_are_counted_and_the_first_three_named(data, monkeypatch):
    monkeypatch.setattr(images, "IMAGES_PER_CHUNK", 2)
    broken = [_break(data, row) for row in (0, 1, 3, 6)]
    (data.root / data.train.names[3]).unlink()
    with pytest.raises(BadInput, match="4 images cannot be decoded") as caught:
        decoded(data, "train", 12, 6)
    assert all(str(file) in str(caught.value) for file in broken[:3])
    assert str(broken[3]) not in str(caught.value)


def test_decoding_goes_on_once_the_image_is_fixed(data):
    file = _break(data, 2)
    with pytest.raises(BadInput):
        decoded(data, "train", 12, 6)
    Image.new("RGB", (16, 32), (255, 0, 0)).save(file, "PNG")
    assert decoded(data, "train", 12, 6)[2, :, :, 0].min() == 255


def test_on_a_full_disk_one_sentence_says_so_and_the_images_are_held_in_memory(data, tmp_path, monkeypatch):
    expected = np.array(decoded(data, "query", 12, 6))

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(images, "_write_header", full)
    with pytest.warns(UserWarning, match="held in memory because .*No space left on device.*HARNESS_CACHE"):
        pixels = decoded(data, "train", 12, 6)
    np.testing.assert_array_equal(pixels, expected)
    assert len(_kept(tmp_path)) == 1


def test_another_order_of_the_rows_is_not_read_from_the_file_of_the_first(data):
    first = np.array(decoded(data, "train", 12, 6))
    turned = replace(data.train, names=data.train.names[::-1])
    # A passport ignores the order of images.
    np.testing.assert_array_equal(decoded(replace(data, train=turned), "train", 12, 6), first[::-1])


def test_of_two_that_start_together_one_decodes_and_the_other_waits(data, monkeypatch):
    both, decode, attempts = threading.Barrier(2), images._decode, []

    def together():
        both.wait(10)
        return cache_folder()

    def slowly(file, *size):
        attempts.append(file)
        time.sleep(0.05)
        return decode(file, *size)

    monkeypatch.setattr(images, "cache_folder", together)
    monkeypatch.setattr(images, "_decode", slowly)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: decoded(data, "train", 12, 6), range(2))
    np.testing.assert_array_equal(first, second)
    assert len(attempts) == COUNT


def _sum_of_pixels(data):
    return int(decoded(data, "train", 12, 6).astype(np.int64).sum())


def test_processes_that_start_together_share_one_file(data, tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        sums = pool.map(_sum_of_pixels, [data] * 4)
    assert set(sums) == {_sum_of_pixels(data)}
    assert len(_kept(tmp_path)) == 1


def test_an_image_of_deeper_greys_is_refused_not_made_white(data):
    file = data.root / data.train.names[1]
    Image.fromarray(np.full((8, 4), 30_000, np.uint16)).save(file, format="PNG")
    with pytest.raises(BadInput, match=r"1 image cannot be decoded to 8 bits per channel"):
        decoded(data, "train", 12, 6)
