"""Stored arrays: required and optional ones are read, and each fault is a typed error."""

import pickle

import numpy as np
import pytest

from harness.errors import BadInput
from harness.files.arrays import DamagedArrayFile, NoArrayFile, list_arrays, read_arrays
from harness.files.atomic import write_arrays


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "some.npz"
    write_arrays(path, {"ranks": np.arange(3), "names": np.array(["a", "b"]), "more": np.ones(2)})
    return path


def test_required_arrays_and_the_optional_ones_that_are_there_are_read(file):
    found = read_arrays(file, ("ranks",), optional=("names", "absent"))
    assert sorted(found) == ["names", "ranks"]
    assert found["ranks"].tolist() == [0, 1, 2]
    assert list_arrays(file) == {"ranks", "names", "more"}


@pytest.mark.parametrize("read", [lambda path: read_arrays(path, ("ranks",)), list_arrays])
def test_a_file_that_is_not_there_is_an_error_of_its_own(tmp_path, read):
    with pytest.raises(NoArrayFile, match=r"some\.npz is not there; make it again"):
        read(tmp_path / "some.npz")


def test_a_lacking_array_is_named(file):
    with pytest.raises(
        DamagedArrayFile, match=r"some\.npz is damaged \(it has no array 'absent'\); replace it"
    ) as found:
        read_arrays(file, ("ranks", "absent"))
    assert (found.value.file, found.value.array) == (file, "absent")


@pytest.mark.parametrize("read", [lambda path: read_arrays(path, ("ranks",)), list_arrays])
def test_a_file_cut_short_is_damaged_as_a_whole(file, read):
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(DamagedArrayFile) as found:
        read(file)
    assert found.value.array is None


def test_an_array_with_changed_bytes_is_named(file):
    content = file.read_bytes()
    file.write_bytes(content.replace(np.arange(3).tobytes(), np.arange(1, 4).tobytes()))
    with pytest.raises(DamagedArrayFile, match="ranks: ") as found:
        read_arrays(file, ("names", "ranks"))
    assert found.value.array == "ranks"


def test_an_array_of_python_objects_is_not_unpickled(tmp_path):
    path = tmp_path / "some.npz"
    np.savez(path, ranks=np.array([{}], dtype=object))
    with pytest.raises(DamagedArrayFile, match="ranks: "):
        read_arrays(path, ("ranks",))


def test_both_errors_are_bad_input_and_survive_pickling(file):
    for error in (NoArrayFile(file), DamagedArrayFile(file, "cut short", "ranks")):
        again = pickle.loads(pickle.dumps(error))
        assert isinstance(again, BadInput) and str(again) == str(error) and vars(again) == vars(error)
