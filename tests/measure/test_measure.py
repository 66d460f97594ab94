"""Measured costs: parameters and multiply-adds against arithmetic, latency and memory against expectations."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.datasets.base import Dataset, Passport, Split
from harness.errors import BadInput
from harness.measure import (
    count_operations,
    count_parameters,
    extraction_latency,
    inference_parameters,
    latency,
    matching_latency,
    measured_cost,
)
from harness.measure.abstract import blank_images
from harness.measure.latency import measure_latency
from harness.runs.recording import gallery_size
from harness.training.machine import Machine
from methods.ide import METHOD as IDE
from methods.mpn import METHOD as MPN
from methods.mpn import MPNSwitches
from methods.pgfl_kd import METHOD as PGFL_KD

TRUNK = 23_508_032
CONV1 = 2048 * 512 + 512 + 2 * 512
CONV2 = 512 * 512 + 512 + 2 * 512
ATTENTION = 512 * 128 + 128 + 2 * 128 + 128 * 512 + 512 + 2 * 512
CLASSIFIER = 513
NO_CA = {"ca": False, "ca_shared": False}
NAIVE = {**NO_CA, "c1_shared": False, "c2_shared": False, "fsa": "none"}
BASELINE = {
    **NAIVE,
    **{"tasks": "at_only", "mtl": False, "prior": "uniform", "test_prior": "uniform", "triplet_on": "g"},
}
CPU = torch.device("cpu")


def mpn(identities=751, **switches):
    with torch.device("meta"):
        return MPN.build(MPNSwitches(**switches), identities, "resnet50")


def test_mpn_without_attention_needs_trunk_and_six_pairs_of_convolutions():
    expected = TRUNK + 6 * (CONV1 + CONV2)
    assert inference_parameters("mpn", NO_CA) == expected == 31_390_784


def test_mpn_adds_one_channel_attention_per_part():
    assert inference_parameters("mpn") == TRUNK + 6 * (CONV1 + CONV2 + ATTENTION) == 32_188_736
    assert inference_parameters("mpn", MPNSwitches()) == 32_188_736


def test_baseline_needs_exactly_what_mpn_without_attention_needs():
    assert inference_parameters("mpn", BASELINE) == inference_parameters("mpn", NO_CA)


def test_sharing_makes_training_as_compact_as_inference_but_for_classifiers():
    counts = count_parameters(mpn(**NO_CA), 384, 128)
    assert counts["training_without_classifiers"] == counts["inference"] == 31_390_784
    assert counts["training"] - counts["training_without_classifiers"] == 12 * CLASSIFIER * 751 == 4_623_156


def test_naive_multi_task_learning_trains_both_tasks_and_keeps_one():
    counts = count_parameters(mpn(**NAIVE), 384, 128)
    assert counts["training_without_classifiers"] == TRUNK + 12 * (CONV1 + CONV2) == 39_273_536
    assert counts["inference"] == 31_390_784


def test_spatial_attention_adds_its_parameters_to_inference():
    assert inference_parameters("mpn", {"spatial_attention": "rga_s"}) == 32_188_736 + 4_638_080


def test_multiply_adds_of_mpn_and_of_the_baseline():
    found = count_operations(mpn(**NO_CA), 384, 128)
    assert found["macs"] / 1e9 == pytest.approx(7.29, abs=0.005) and "multiply-adds" in found["convention"]
    assert count_operations(mpn(**BASELINE), 384, 128)["macs"] / 1e9 == pytest.approx(6.28, abs=0.005)


def test_multiply_adds_are_those_of_each_layer_by_hand():
    # IDE on ResNet-50: the trunk's own and one fully connected layer of 2048 x 512.
    with torch.device("meta"):
        ide = IDE.build(IDE.switches(), 10, "resnet50")
    trunk_and_heads = count_operations(mpn(**NO_CA), 384, 128)["macs"]
    heads = 6 * (2048 * 512 * 24 * 8 + 512 * 512)
    assert count_operations(ide, 384, 128)["macs"] == trunk_and_heads - heads + 2048 * 512


def test_an_unknown_method_or_switch_is_refused():
    with pytest.raises(BadInput, match="'mpn'"):
        inference_parameters("mpm")
    with pytest.raises(BadInput, match="c1_shared"):
        inference_parameters("mpn", {"c1_share": True})


def test_counting_leaves_the_network_alone():
    model = IDE.build(IDE.switches(), 5, "resnet10").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    count_parameters(model, 64, 32)
    count_operations(model, 64, 32)
    assert model.training and all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_latency_is_the_time_of_the_action_alone():
    found = measure_latency(lambda: time.sleep(0.01), CPU, budget_s=0.05)
    assert 10 <= found["median_ms"] <= found["p95_ms"] and found["median_ms"] < 100
    assert 3 <= found["repeats"] <= 6


def test_twenty_runs_warm_up_or_as_many_as_begin_in_the_first_second(monkeypatch):
    runs = []
    assert measure_latency(lambda: runs.append(None), CPU, budget_s=0)["repeats"] == 3 == len(runs) - 20
    runs.clear()
    seconds = iter([0.4, 0.4, 0.4, *[0.001] * 3])
    monkeypatch.setattr(latency, "seconds_taken", lambda action, device: action() or next(seconds))
    found = measure_latency(lambda: runs.append(None), CPU, budget_s=0)
    assert len(runs) == 3 + 3 and found["median_ms"] == pytest.approx(1)


def test_a_query_is_matched_against_the_gallery_of_one_trial():
    def split(identities, cameras):
        numbers = map(str, range(len(identities)))
        return Split(tuple(numbers), np.array(identities), np.array(cameras))

    # Person 1 has three images in camera 1 and two in camera 2, person 2 one in camera 4: a trial draws one of each.
    gallery = split([1, 1, 1, 1, 1, 2], [1, 1, 1, 2, 2, 4])
    query = split([1, 2], [3, 6])
    dataset = Dataset("sysu_all", Path(), query, query, gallery, Passport("sysu_all", "", "", {}))
    assert gallery_size(dataset, "sysu_all") == 3
    assert gallery_size(dataset, "sysu_indoor") == 2
    assert gallery_size(dataset, "regdb") == 6


def test_latency_is_given_per_image_of_a_batch():
    class Slow(torch.nn.Module):
        def embed(self, images, priors):
            time.sleep(0.01)

    found = extraction_latency(Slow(), blank_images(10, 8, 8, CPU), {}, contextlib.nullcontext, budget_s=0.03)
    assert found["batch"] == 10 and 1 <= found["median_ms"] < 10


def test_matching_a_larger_gallery_takes_longer():
    small, large = (matching_latency(256, gallery, CPU, 0.1) for gallery in (100, 50_000))
    assert large["gallery"] == 50_000 and large["median_ms"] > small["median_ms"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the peak covers the whole process")
def test_the_peak_of_a_run_is_not_that_of_the_run_before():
    code = (
        "import torch; from harness.measure.memory import reset_peak_memory, peak_memory_mb; cpu = torch.device('cpu');"
        "block = b'x' * (300 << 20); del block; before = peak_memory_mb(cpu); reset_peak_memory(cpu);"
        "print(before, peak_memory_mb(cpu))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(float, done.stdout.split())
    assert after < before - 250


@pytest.mark.slow
def test_peak_memory_counts_what_was_resident():
    script = (
        "import torch; from harness.measure.memory import peak_memory_mb; cpu = torch.device('cpu');"
        "before = peak_memory_mb(cpu); block = b'x' * (200 << 20); del block;"
        "print(before, peak_memory_mb(cpu))"
    )
    before, after = map(float, subprocess.check_output([sys.executable, "-c", script], text=True).split())
    assert 150 <= after - before <= 260


def test_the_cost_of_a_cell_has_every_column():
    switches = MPN.switches(**{**BASELINE, "prior": "mask_roi", "test_prior": "mask_roi"})
    model = MPN.build(switches, 5, "resnet10")
    recipe = MPN.recipe(switches, "synthetic", "demo")
    manifest = {"log": {"images_per_second": [10.0, 30.0, 20.0]}, "peak_memory_mb": 7.0}
    priors = {"parsing": np.zeros((3, 64, 32), np.uint8), "segmentation": np.ones((3, 64, 32), bool)}
    cost = measured_cost(model, recipe, Machine.of("cpu", False), 1000, manifest, priors, "g")
    assert cost["training_images_per_second"] == 20.0 and cost["peak_memory_mb"] == 7.0
    assert cost["latency"]["matching"]["gallery"] == 1000 and cost["latency"]["features_large"]["batch"] == 64
    assert cost["parameters"]["inference"] > 0 and cost["macs"]["macs"] > 0
    # No network is known for what this variant reads at test.
    assert cost["parameters_of_priors"] is None and cost["macs_of_priors"] is None
    assert cost["estimators"] == {"parsing": None, "segmentation": None}


@pytest.mark.slow
def test_a_feature_that_reads_keypoints_costs_a_pose_estimator_as_well():
    model = PGFL_KD.build(PGFL_KD.switches(), 5, "resnet10")
    recipe = PGFL_KD.recipe(PGFL_KD.switches(), "synthetic", "demo")
    manifest = {"log": {"images_per_second": [10.0]}, "peak_memory_mb": 7.0}

    def cost(feature, priors):
        return measured_cost(model, recipe, Machine.of("cpu", False), 10, manifest, priors, feature)

    bare, posed = cost("f_G", {}), cost("f_E", {"keypoints": np.zeros((2, 17, 3), np.float32)})
    assert posed["macs_of_priors"] == 15_692_000_000 and posed["parameters_of_priors"] == 63_596_000
    assert posed["estimators"] == {"keypoints": "HRNet-W48 at 384x128"}
    assert bare["macs_of_priors"] is bare["parameters_of_priors"] is None and bare["estimators"] == {}
