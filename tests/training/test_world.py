"""Several processes that train one run: what each takes, and that together they are one process."""

import os
import subprocess
import sys
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import distributed

from harness.cell import Cell
from harness.errors import BadInput
from harness.machine.computation import Computation
from harness.recipe import Augmentation, Erasing, Jitter, Patch, RandomCrop, Sampler, Shifting
from harness.runs.receipt import command
from harness.training.batches import Input, TrainingData
from harness.training.sampler import epoch_batches, shares
from harness.training.world import World, process_group
from tests.training.two_processes import main as train_both
from tests.training.two_processes import recipe

WORKER = Path(__file__).with_name("two_processes.py")


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(0, 3), st.integers(1, 4), st.integers(0, 5))
def test_each_process_takes_whole_identities_and_together_they_take_the_batch(each, images, infrared, processes, seed):
    sampler = Sampler(each * processes, images, infrared)
    labels = np.repeat(np.arange(20), 8)
    (batch, *_) = epoch_batches(labels, sampler, seed, 0, np.tile([False, True], 80))
    found = shares(sampler, processes)
    assert sorted(np.concatenate(found)) == list(range(sampler.batch_size))
    people = [set(labels[batch[share]]) for share in found]
    assert all(len(own) == each for own in people)
    assert len(set().union(*people)) == each * processes


def test_a_batch_that_cannot_be_shared_alike_is_said_with_what_fits():
    with pytest.raises(BadInput, match=r"--gpus-per-run 4 does not divide the 6 identities of a batch; use 1, 2, 3, 6"):
        shares(Sampler(6, 8), 4)
    with pytest.raises(BadInput, match="does not divide the 4 groups"):
        shares(Sampler(6, 8, groups=4), 3)


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(padding=3, erasing=Erasing()),
        Augmentation(crop=RandomCrop(shift=0.2), jitter=Jitter(0.3, 0.3, 0.3)),
        Augmentation(shifting=Shifting(), erasing=Erasing(fill=(1.0, 2.0, 3.0))),
    ],
)
def test_a_share_is_augmented_as_in_the_whole_batch_and_each_image_as_alone(augmentation):
    rng = np.random.default_rng(3)
    data = TrainingData(rng.integers(0, 256, (32, 24, 12, 3), np.uint8), np.arange(32), np.zeros(32, np.int64))
    settings = recipe("bot").__class__(
        **{**vars(recipe("bot")), "augmentation": augmentation, "sampler": Sampler(8, None)}
    )
    cpu = torch.device("cpu")
    whole = Input(data, settings, 5, cpu)
    rows = whole.rows(2)
    expected = [batch.images for batch in whole.batches(2, rows)]
    for size in (2, 8):
        parts = [list(Input(data, settings, 5, cpu, World(rank, size)).batches(2, rows)) for rank in range(size)]
        for number, images in enumerate(expected):
            assert torch.equal(torch.cat([part[number].images for part in parts]), images)


def test_patches_come_from_the_images_of_the_process_itself():
    data = TrainingData(
        np.repeat(np.arange(64, dtype=np.uint8) * 4, 32 * 16 * 3).reshape(64, 32, 16, 3),
        np.arange(64),
        np.zeros(64, np.int64),
    )
    augmentation = Augmentation(patch=Patch(probability=1.0, ready=1))
    settings = recipe("bot").__class__(
        **{**vars(recipe("bot")), "augmentation": augmentation, "sampler": Sampler(8, None)}
    )
    second = Input(data, settings, 0, torch.device("cpu"), World(1, 2))
    own: set[int] = set()
    for rows, batch in zip(second.rows(0), second.batches(0, second.rows(0)), strict=True):
        own |= set(rows[4:].tolist())
        red = (batch.images[:, 0] * 0.229 + 0.485) * 255 / 4
        assert set(red.round().int().unique().tolist()) <= own


METHODS_SHARED = ("bot", "ddag")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with the trainings of both methods, in one process and shared by two."""
    folder = tmp_path_factory.mktemp("trained")
    path = os.pathsep.join([str(WORKER.parents[2]), *sys.path])
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*torchrun, WORKER, folder / "two", *METHODS_SHARED],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        check=True,
        capture_output=True,
    )
    train_both(METHODS_SHARED, folder / "one")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS_SHARED)
def test_two_gloo_processes_train_as_one_that_normalises_in_two_shares(method, trained):
    one, first, second = (
        torch.load(trained / name) for name in (f"one-{method}-0", f"two-{method}-0", f"two-{method}-1")
    )
    assert first["log"]["losses"].keys() == one["log"]["losses"].keys()
    for name, means in one["log"]["losses"].items():
        assert first["log"]["losses"][name] == pytest.approx(means, abs=1e-4)
    parameters = [name for name in first["weights"] if "running" not in name and "num_batches" not in name]
    assert all(torch.equal(first["weights"][name], second["weights"][name]) for name in parameters)
    for name, features in first["features"].items():
        assert torch.equal(features, second["features"][name])
        assert len(features) == 7
    # One image is nothing to share: each process has extracted it, by the running statistics of its own.
    assert {len(features) for each in (first, second) for features in each["of one image"].values()} == {1}


def test_a_receipt_tells_how_a_run_was_computed():
    assert Computation(bfloat16=True).described == "bfloat16, channels_last"
    shared = Computation(bfloat16=False, processes=2, compiled=True)
    assert shared.described == "float32, channels_last, torch.compile"
    assert shared.bn_scope == "each process's share of the batch"
    assert asdict(shared)["processes"] == 2


@pytest.mark.parametrize(
    ("computation", "options"),
    [
        (Computation(bfloat16=True), "--precision bfloat16"),
        (Computation(bfloat16=False, compiled=True), "--precision float32 --compile"),
        (Computation(True, processes=4, sync_batch_norm=True), "--precision bfloat16 --gpus-per-run 4 --sync-bn"),
    ],
)
def test_the_command_in_a_receipt_computes_the_run_as_it_was(computation, options):
    planned = SimpleNamespace(
        cell=Cell("t", "A row", "market1501", "demo", 3),
        needed_run=SimpleNamespace(computation=computation, lineage=[]),
    )
    where = "--table t --row 'A row' --dataset market1501 --profile demo --seed 3"
    assert command(planned) == f"python -m harness.run {where} {options}"


def test_a_process_waits_for_a_long_evaluation(monkeypatch):
    begun = {}
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(distributed, "init_process_group", lambda backend, **options: begun.update(options))
    monkeypatch.setattr(distributed, "get_rank", lambda: 1)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: None)
    with process_group("cpu") as world:
        assert (world.rank, world.size) == (1, 2)
    assert begun["timeout"] >= timedelta(days=1)


def test_after_an_error_no_process_waits_for_the_others(monkeypatch):
    """To leave the group is a collective, too: the others, in the middle of another, would never come to it."""
    left = []
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(distributed, "init_process_group", lambda *_, **__: None)
    monkeypatch.setattr(distributed, "get_rank", lambda: 0)
    monkeypatch.setattr(distributed, "destroy_process_group", lambda: left.append(True))
    with pytest.raises(MemoryError), process_group("cpu"):
        raise MemoryError
    assert not left
    with process_group("cpu"):
        pass
    assert left
