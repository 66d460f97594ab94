"""The weights of a finished training: every method's come back under their names, bit for bit, or in one sentence."""

import os
import stat

import pytest
import torch
from torch import nn

from harness import registry
from harness.errors import BadInput, Unwritable
from harness.training.final_weights import read_weights, write_weights

METHODS = list(registry.methods().values())


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.id)
def test_the_weights_of_every_method_come_back_under_their_names_bit_for_bit(tmp_path, method):
    torch.manual_seed(0)
    model = method.build(method.switches(), 4, "resnet10")
    write_weights(tmp_path / "weights.safetensors", model)
    found = read_weights(tmp_path / "weights.safetensors")
    wanted = model.state_dict()
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], value) and found[name].dtype == value.dtype for name, value in wanted.items())
    method.build(method.switches(), 4, "resnet10").load_state_dict(found, strict=True)


def test_layers_that_share_weights_and_weights_in_another_order_of_memory_keep_their_names(tmp_path):
    first = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
    tied = nn.ModuleDict({"first": first, "second": first, "plain": nn.Linear(2, 2)})
    write_weights(tmp_path / "weights.safetensors", tied)
    found = read_weights(tmp_path / "weights.safetensors")
    assert torch.equal(found["first.weight"], first.weight) and torch.equal(found["second.weight"], first.weight)
    assert found.keys() == tied.state_dict().keys()


def test_the_same_weights_make_the_same_bytes(tmp_path):
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    write_weights(tmp_path / "one", model)
    write_weights(tmp_path / "two", model)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_weights_can_be_read_by_all_whom_the_umask_lets(tmp_path):
    before = os.umask(0o027)
    try:
        write_weights(tmp_path / "weights.safetensors", nn.Linear(1, 1))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "weights.safetensors").stat().st_mode) == 0o640


@pytest.mark.parametrize("damage", ["empty", "half", "pickled"])
def test_a_damaged_file_of_weights_is_named_with_the_fix(tmp_path, damage):
    path = tmp_path / "weights.safetensors"
    write_weights(path, nn.Linear(64, 64))
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "half": content[: len(content) // 2], "pickled": b"\x80\x04" + content}[damage])
    with pytest.raises(BadInput, match=r"weights\.safetensors: cannot be read as weights .*delete the folder"):
        read_weights(path)


def test_weights_that_cannot_be_written_name_their_folder(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Unwritable, match=r"file: cannot be written"):
        write_weights(tmp_path / "file" / "weights.safetensors", nn.Linear(1, 1))
