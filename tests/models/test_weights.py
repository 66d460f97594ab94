"""LUPerson's weights: where they are found, what of a MoCo checkpoint is taken, how plain norms become IBN-a's."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from harness.errors import BadInput
from harness.files.hashing import file_digest
from harness.machine.computation import Computation
from harness.models.backbone import build_backbone
from harness.models.weights import LUPERSON_FILES, luperson_weights, with_ibn_norms
from harness.plan import planner as planning
from harness.plan.forecast import Forecast
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.plan.views import as_text
from harness.progress import Watch
from harness.recipe import Initialisation
from harness.results.store import Store
from harness.runs import training
from harness.runs.comparability import reasons
from harness.runs.preparation import build_model, initialise
from harness.runs.training import RunContext, train_together
from harness.tables import tables
from harness.training.machine import Machine

TINY = "resnet10_ibn_a"


def checkpoint(plain: bool = True) -> dict[str, torch.Tensor]:
    """A trunk's weights, each norm with numbers of its own."""
    torch.manual_seed(0)
    trunk = build_backbone("resnet10" if plain else TINY)
    return {
        name: torch.rand_like(value) if value.is_floating_point() else value
        for name, value in trunk.state_dict().items()
    }


def as_moco(weights: dict[str, torch.Tensor]) -> dict[str, object]:
    """As MoCo saves: the trained network, its momentum twin and a queue, the classifier a projection of its own."""
    state = {f"module.encoder_q.{name}": value for name, value in weights.items()}
    state |= {f"module.encoder_k.{name}": torch.zeros_like(value) for name, value in weights.items()}
    state |= {"module.encoder_q.fc.0.weight": torch.ones(2, 2), "module.queue": torch.ones(2, 3)}
    return {"epoch": 200, "state_dict": state}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """Torch's hub folder, where the tiny trunk stands for ResNet-101 and its file for LUPerson's."""
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setitem(LUPERSON_FILES, TINY, "lup_moco_tiny.pth")
    monkeypatch.delenv("HARNESS_LUPERSON", raising=False)
    planning._luperson_start.cache_clear()
    (tmp_path / "checkpoints").mkdir()
    yield tmp_path / "checkpoints"
    planning._luperson_start.cache_clear()


@pytest.mark.parametrize("wrapped", [True, False])
def test_of_a_moco_checkpoint_the_trained_network_is_taken_without_its_projection(hub, wrapped):
    weights = checkpoint(plain=False)
    torch.save(as_moco(weights) if wrapped else weights, hub / "lup_moco_tiny.pth")
    found, source, split = luperson_weights(TINY)
    assert (source, split) == ("lup_moco_tiny.pth", 0)
    assert found.keys() == weights.keys() and all(torch.equal(found[name], weights[name]) for name in weights)


def test_plain_norms_are_split_over_the_halves_of_ibn_and_counted(hub):
    weights = checkpoint()
    torch.save(as_moco(weights), hub / "lup_moco_tiny.pth")
    found, source, split = luperson_weights(TINY)
    assert (source, split) == ("lup_moco_tiny.pth", 3)
    trunk = build_backbone(TINY)
    trunk.load_state_dict(found, strict=True)
    for stage, width in ((1, 32), (2, 64), (3, 128)):
        norm, half = f"layer{stage}.0.bn1.", width // 2
        for entry in ("weight", "bias"):
            assert torch.equal(found[f"{norm}IN.{entry}"], weights[norm + entry][:half])
            assert torch.equal(found[f"{norm}BN.{entry}"], weights[norm + entry][half:])
        for entry in ("running_mean", "running_var"):
            assert torch.equal(found[f"{norm}BN.{entry}"], weights[norm + entry][half:])
    assert torch.equal(found["layer4.0.bn1.weight"], weights["layer4.0.bn1.weight"])
    assert torch.equal(found["bn1.weight"], weights["bn1.weight"])


def test_weights_with_ibn_norms_stay_as_they_are():
    weights = checkpoint(plain=False)
    found, split = with_ibn_norms(weights)
    assert split == 0 and found.keys() == weights.keys()


def test_without_a_file_the_reason_names_it_and_the_variable(hub):
    found, reason, _ = luperson_weights("resnet101_ibn_a")
    assert found is None and "lup_moco_r101.pth" in reason and "HARNESS_LUPERSON" in reason
    assert luperson_weights("resnet18") == (None, "LUPerson has none for resnet18", 0)


def test_the_variable_goes_before_the_folder_and_must_name_a_file(hub, tmp_path, monkeypatch):
    torch.save(checkpoint(plain=False), tmp_path / "mine.pth")
    (hub / "lup_moco_tiny.pth").write_bytes(b"not read")
    monkeypatch.setenv("HARNESS_LUPERSON", str(tmp_path / "mine.pth"))
    assert luperson_weights(TINY)[1] == "mine.pth"
    monkeypatch.setenv("HARNESS_LUPERSON", str(tmp_path / "moved.pth"))
    with pytest.raises(BadInput, match=r"HARNESS_LUPERSON names .*moved\.pth, which is no file"):
        luperson_weights(TINY)


NO_WEIGHTS = {
    "cut short": b"half a download",
    "no tensors": {"epoch": 3},
    "no names": [1, 2],
    "no trunk": {"module.head.weight": torch.ones(1)},
}


@pytest.mark.parametrize("content", NO_WEIGHTS.values(), ids=NO_WEIGHTS)
def test_a_file_without_weights_is_refused_in_one_sentence(hub, content):
    path = hub / "lup_moco_tiny.pth"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(BadInput, match=r"lup_moco_tiny\.pth (cannot be read|holds no weights)"):
        luperson_weights(TINY)


def plan_of(tmp_path, monkeypatch, profile="paper"):
    """MDPR's Table III; the file of its trunk has the name of the tiny file."""
    monkeypatch.setitem(LUPERSON_FILES, "resnet101_ibn_a", "lup_moco_tiny.pth")
    planning._luperson_start.cache_clear()
    found = Plan()
    table = tables()["mdpr_market"]
    planner = Planner(Shelf(tmp_path), Store(tmp_path / "results"), Computation(bfloat16=True), draw=False)
    planner.add(found, Choice(table, tuple(row for row in table.rows if row.runs), ("market1501",), profile))
    return found


def planned(tmp_path, monkeypatch):
    """The cell of that table, with its run at the paper's recipe."""
    (cell,) = plan_of(tmp_path, monkeypatch).cells
    return cell


def test_the_run_hash_covers_the_content_of_the_file(hub, tmp_path, monkeypatch):
    before = planned(tmp_path, monkeypatch).run
    assert before.configuration["initial_weights"] == {"kind": "scratch", "content": ""}
    torch.save(checkpoint(), hub / "lup_moco_tiny.pth")
    after = planned(tmp_path, monkeypatch).run
    content = f"sha256 {file_digest(hub / 'lup_moco_tiny.pth')}"
    assert after.configuration["initial_weights"] == {"kind": "luperson", "content": content}
    assert before.id != after.id


def test_the_receipt_says_where_the_trunk_is_from_and_a_scratch_start_is_not_comparable(hub, tmp_path, monkeypatch):
    cell = planned(tmp_path, monkeypatch)
    run, store = cell.run, Store(tmp_path / "results")
    run.recipe = replace(run.recipe, backbone=TINY)
    assert run.recipe.initialisation == Initialisation("luperson")

    def reasons_of(start):
        passport = SimpleNamespace(official=True, variant="official")
        return reasons(
            SimpleNamespace(
                **{"planned": cell, "run": run, "trained": SimpleNamespace(manifest={"initialisation": start})},
                **{"dataset": SimpleNamespace(passport=passport), "trained_on": passport, "priors": {}},
            )
        )

    started = initialise(build_model(run, 3), run, store)
    assert (started["kind"], started["wanted"]) == ("scratch", "luperson")
    assert started["reason"].startswith("lup_moco_tiny.pth is not in")
    assert any("LUPerson" in reason for reason in reasons_of(started))
    torch.save(as_moco(checkpoint()), hub / "lup_moco_tiny.pth")
    loaded = initialise(build_model(run, 3), run, store)
    assert (loaded["kind"], loaded["file"]) == ("luperson", "lup_moco_tiny.pth")
    assert loaded["missing"] == loaded["unexpected"] == []
    assert reasons_of(loaded) == []


def test_a_run_named_without_the_weights_does_not_start_from_them(hub, tmp_path, monkeypatch):
    run, store = planned(tmp_path, monkeypatch).run, Store(tmp_path / "results")
    run.recipe = replace(run.recipe, backbone=TINY)
    torch.save(as_moco(checkpoint()), hub / "lup_moco_tiny.pth")
    monkeypatch.setattr(training, "training_data", lambda run, shelf: SimpleNamespace(num_classes=3))
    monkeypatch.setattr(training, "train", lambda *_: pytest.fail("it was trained"))
    place = RunContext(Shelf(tmp_path), store, Machine(torch.device("cpu"), bfloat16=False), Watch(1))
    with pytest.raises(BadInput, match=r"planned to start from scratch, .* start from LUPerson .* start the command"):
        train_together(run, place)


MISSING = (
    "no LUPerson weights (lup_moco_tiny.pth is not in torch's hub folder and HARNESS_LUPERSON names no other file)"
)


def test_a_run_that_lacks_the_weights_says_so_as_it_begins(hub, tmp_path, monkeypatch, capsys):
    class Begun(Exception):
        """Training proper has started."""

    def begun(*_):
        raise Begun

    run, store = planned(tmp_path, monkeypatch).run, Store(tmp_path / "results")
    run.recipe = replace(run.recipe, backbone=TINY)
    monkeypatch.setattr(training, "training_data", lambda run, shelf: SimpleNamespace(num_classes=3))
    monkeypatch.setattr(training, "collapsed_losses", lambda *_: None)
    monkeypatch.setattr(training, "train", begun)
    with pytest.raises(Begun):
        train_together(run, RunContext(Shelf(tmp_path), store, Machine(torch.device("cpu"), bfloat16=False), Watch(1)))
    assert f"run {run.id} starts from scratch: {MISSING}" in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(("profile", "there", "lines"), [("paper", False, 1), ("paper", True, 0), ("demo", False, 0)])
def test_a_dry_run_names_the_missing_file_and_the_variable(hub, tmp_path, monkeypatch, profile, there, lines):
    monkeypatch.setattr("harness.plan.forecast.planned_operations", lambda runs: {run.id: 1 for run in runs})
    if there:
        (hub / "lup_moco_tiny.pth").write_bytes(b"read only when it is loaded")
    forecast = Forecast(plan_of(tmp_path, monkeypatch, profile), Store(tmp_path / "results"), {}, "Abacus")
    said = as_text(forecast).splitlines()
    assert said.count(f"    starts from scratch: {MISSING}") == lines
