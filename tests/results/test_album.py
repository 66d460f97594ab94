"""The album of a test set is read back whole, or said to be damaged."""

import numpy as np
import pytest

from harness.errors import BadInput
from harness.results.album import Album, Tiles

NAMES = np.array(["q0", "q1"]), np.array(["g0", "g1", "g2"])
TILES = [b"a", b"bb", b"", b"dddd", b"e"]


def test_what_is_written_is_read_back(tmp_path):
    Album(*NAMES, {"box": np.array(["good", "head_cut"])}, Tiles.of(TILES)).write(tmp_path / "album.npz")
    found = Album.read(tmp_path / "album.npz")
    assert found.facts["box"].tolist() == ["good", "head_cut"]
    assert [found.tiles[number] for number in range(len(found.tiles))] == TILES


def test_an_album_need_not_hold_images(tmp_path):
    Album(*NAMES).write(tmp_path / "album.npz")
    found = Album.read(tmp_path / "album.npz")
    assert found.tiles is None and found.facts == {}


def test_no_file_is_no_album(tmp_path):
    assert Album.read(tmp_path / "album.npz") is None


@pytest.mark.parametrize("part", ["facts", "tiles"])
def test_arrays_of_other_lengths_are_damage(tmp_path, part):
    facts = {"box": np.array(["good"] * (3 if part == "facts" else 2))}
    Album(*NAMES, facts, Tiles.of(TILES[: 4 if part == "tiles" else 5])).write(tmp_path / "album.npz")
    with pytest.raises(BadInput, match=r"album.npz is damaged .*delete it"):
        Album.read(tmp_path / "album.npz")


def test_a_file_cut_short_is_damage(tmp_path):
    (tmp_path / "album.npz").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(BadInput, match="delete it and run a cell"):
        Album.read(tmp_path / "album.npz")
