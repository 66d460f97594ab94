"""A small run computes with one thread, whatever the machine has, and fills no new tensor."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from harness.runs.computing import computing


@pytest.fixture(autouse=True)
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("profile", "threads"), [("demo", 1), ("study", 1), ("budget", 3), ("paper", 3)])
def test_demo_and_study_compute_with_one_thread(profile, threads):
    with computing(SimpleNamespace(profile=profile)):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 3


def test_a_run_that_fails_gives_the_threads_back():
    with pytest.raises(ValueError, match="broken"), computing(SimpleNamespace(profile="demo")):
        raise ValueError("broken")
    assert torch.get_num_threads() == 3


def test_new_tensors_of_a_run_are_not_filled(monkeypatch):
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    with computing(SimpleNamespace(profile="demo")):
        assert not torch.utils.deterministic.fill_uninitialized_memory
    assert torch.utils.deterministic.fill_uninitialized_memory
