"""PCB: its parts, its stages of refined part pooling, its parameters against MPN's Table 9."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from harness.errors import BadInput
from harness.measure import count_parameters
from harness.models.initialisation import load_model
from harness.models.reid import Batch
from harness.recipe import Optimiser
from harness.training.machine import Machine
from harness.training.optimisation import build_optimiser
from harness.training.step import training_step
from methods.pcb import METHOD, PCBSwitches

UNIFORM, INDUCED = PCBSwitches("uniform"), PCBSwitches("induced")
CPU = Machine(torch.device("cpu"), bfloat16=False)


def build(switches=PCBSwitches(), seed=0):  # noqa: B008
    torch.manual_seed(seed)
    return METHOD.build(switches, 4, "resnet10")


def batch_of(images=8):
    torch.manual_seed(1)
    labels = torch.arange(images) // 2
    return Batch(torch.randn(images, 3, 192, 64), labels, torch.zeros(images), torch.arange(images))


def test_parameters_without_classifiers_are_those_of_mpns_table_9():
    with torch.device("meta"):
        model = METHOD.build(UNIFORM, 751, "resnet50")
    counts = count_parameters(model, 384, 128, embedding="h")
    assert counts["training_without_classifiers"] == counts["inference"] == 26_658_368
    # 23.5 M of trunk are all that g needs.
    assert count_parameters(model, 384, 128, embedding="g")["inference"] == 23_508_032


def test_g_is_the_mean_of_each_stripe_and_h_its_reduction():
    model = build(UNIFORM).eval()
    features = torch.randn(2, model.trunk.channels, 12, 4)
    model.trunk.forward = lambda images: features
    found = model.embed(torch.zeros(2, 3, 192, 64))
    parts = [features[:, :, 2 * k : 2 * k + 2].mean((2, 3)) for k in range(6)]
    torch.testing.assert_close(found["g"], torch.cat(parts, 1))
    h = [reduce(part) for reduce, part in zip(model.reductions, parts, strict=True)]
    torch.testing.assert_close(found["h"], torch.cat(h, 1))


def test_refined_pooling_with_a_sure_classifier_of_stripes_is_uniform_pooling():
    model = build().eval()
    features = torch.randn(1, model.trunk.channels, 12, 4)
    model.trunk.forward = lambda images: features
    sure = torch.full((1, 6, 12, 4), -50.0)
    for k in range(6):
        sure[:, k, 2 * k : 2 * k + 2] = 50.0
    model.part_classifier.forward = lambda features: sure
    parts = [features[:, :, 2 * k : 2 * k + 2].mean((2, 3)) for k in range(6)]
    torch.testing.assert_close(model.embed(torch.zeros(1, 3, 192, 64))["g"], torch.cat(parts, 1))


def test_each_stage_begins_with_all_of_the_one_before():
    for profile in ("demo", "budget", "paper"):
        chain = []
        recipe = METHOD.recipe(PCBSwitches(), "market1501", profile)
        while recipe.initialisation.method == "pcb":
            before = METHOD.parse(dict(recipe.initialisation.switches), "the stage before")
            chain.append(before.pooling)
            assert recipe.initialisation.part == "model"
            recipe = METHOD.recipe(before, "market1501", profile)
        assert chain == ["induced", "uniform"]
    uniform, induced = build(UNIFORM, seed=1), build(INDUCED)
    report = load_model(induced, uniform.state_dict(), "PCB")
    assert report["missing"] == ["part_classifier.bias", "part_classifier.weight"]
    assert all(torch.equal(value, induced.state_dict()[name]) for name, value in uniform.state_dict().items())
    assert load_model(build(), induced.state_dict(), "PCB")["missing"] == []


def test_a_stage_of_another_network_is_refused():
    with pytest.raises(BadInput, match=r"no earlier stage .*part_classifier\.bias"):
        load_model(build(UNIFORM), build().state_dict(), "PCB+RPP")


def test_induction_moves_the_part_classifier_and_nothing_else_not_even_statistics():
    model, batch = build(INDUCED).train(), batch_of()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimiser = build_optimiser(model, METHOD.recipe(INDUCED, "synthetic", "demo").optimiser)
    for _ in range(2):
        training_step(model, batch, optimiser, CPU)
    moved = [name for name, value in model.state_dict().items() if not torch.equal(value, before[name])]
    assert moved == ["part_classifier.weight", "part_classifier.bias"]


def test_each_part_is_classified_by_its_own_layer_and_the_losses_are_summed():
    model, batch = build(UNIFORM).train(), batch_of()
    logits = model(batch)
    assert [each.shape for each in logits] == [(8, 4)] * 6
    expected = sum(torch.nn.functional.cross_entropy(each, batch.labels) for each in logits)
    torch.testing.assert_close(model.losses(logits, batch)["id"], expected)
    assert len({id(layer) for layer in model.classifiers()}) == 6


def test_the_paper_profile_is_as_printed():
    recipe = METHOD.recipe(UNIFORM, "market1501", "paper")
    assert (recipe.height, recipe.width, recipe.sampler.batch_size, recipe.epochs) == (384, 128, 64, 60)
    optimiser = Optimiser(
        "sgd", rate=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True, multipliers=(("trunk.", 0.1),)
    )
    assert recipe.optimiser == optimiser
    assert recipe.schedule.milestones == (40,) and recipe.initialisation.kind == "imagenet"
    stage = METHOD.recipe(PCBSwitches(), "market1501", "paper")
    assert stage.epochs == 10 and stage.optimiser.rate == pytest.approx(0.01)
    assert replace(stage.optimiser, rate=0.1) == optimiser


def test_the_descriptor_is_chosen_at_test():
    assert METHOD.test_switches == {"descriptor"}
    assert [METHOD.embedding(PCBSwitches(descriptor=name)) for name in ("g", "h")] == ["g", "h"]
    with pytest.raises(BadInput, match="descriptor must be one of g, h"):
        METHOD.parse({"descriptor": "f"}, "row 1")
