"""Memory that a training frees stays with the process; in deterministic mode new tensors hold NaN only where asked."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest
import torch

from harness.machine.memory import new_tensors

PAGES_OF_A_SECOND_BLOCK = """
import resource, torch
from harness.machine.memory import keep_freed_memory
keep_freed_memory()
torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(2**24 - 2**16)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep what is freed")
def test_a_block_that_is_freed_and_taken_again_needs_no_new_pages():
    finished = subprocess.run(
        [sys.executable, "-c", PAGES_OF_A_SECOND_BLOCK], capture_output=True, text=True, check=True
    )
    # The second block is a little smaller, so that it surely fits. 64 MiB are 16,384 pages.
    assert int(finished.stdout) < 1000


def test_new_tensors_hold_nan_only_where_they_are_to_be_filled():
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with new_tensors(filled=True):
            assert torch.empty(1000).isnan().all()
            with new_tensors(filled=False):
                torch.zeros(1000)
                assert not torch.empty(1000).isnan().all()
            assert torch.empty(1000).isnan().all()
    finally:
        torch.use_deterministic_algorithms(before)
