"""A small run computes with one thread, whatever the machine has."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from harness.runs.threads import threads_of


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("profile", "threads"), [("demo", 1), ("study", 1), ("budget", 3), ("paper", 3)])
def test_demo_and_study_compute_with_one_thread(profile, threads):
    with threads_of(SimpleNamespace(profile=profile)):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 3


def test_a_run_that_fails_gives_the_threads_back():
    with pytest.raises(ValueError, match="broken"), threads_of(SimpleNamespace(profile="demo")):
        raise ValueError("broken")
    assert torch.get_num_threads() == 3
