"""The default precision of a machine."""

import platform

import pytest
import torch

from harness.machine.precision import bfloat16_helps


@pytest.mark.parametrize(
    ("machine", "avx512_bf16", "amx", "helps"),
    [
        ("x86_64", True, False, True),
        ("AMD64", False, True, True),
        # Skylake to Ice Lake: AVX-512 without bfloat16, which oneDNN then emulates.
        ("x86_64", False, False, False),
    ],
)
def test_bfloat16_helps_where_the_processor_multiplies_it(monkeypatch, machine, avx512_bf16, amx, helps):
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512_bf16, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx, raising=False)
    assert bfloat16_helps("cpu") is helps


def test_where_pytorch_cannot_tell_it_does_not(monkeypatch):
    """PyTorch for Apple's processors is built without oneDNN."""
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    monkeypatch.setattr(torch.ops, "mkldnn", object())
    assert bfloat16_helps("cpu") is False
