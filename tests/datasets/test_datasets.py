"""The registry of datasets."""

import subprocess
import sys

import pytest

from harness.datasets import DATASETS, dataset
from harness.errors import BadInput
from harness.evaluation.protocols import PROTOCOLS

WANTED = [
    "synthetic",
    "synthetic_b",
    "synthetic_occluded",
    "synthetic_partial",
    "synthetic_players",
    "synthetic_infrared",
    "market1501",
    "market1501_multi_query",
    "dukemtmc",
    "cuhk03_detected",
    "cuhk03_labeled",
    "cuhk03",
    "msmt17",
    "msmt17_train_only",
    "occluded_duke",
    "occluded_reid",
    "partial_reid",
    "partial_reid_occluded",
    "partial_ilids",
    "partial_duke",
    "synergyreid",
    "sysu_all",
    "sysu_indoor",
    "regdb_visible_to_infrared",
    "regdb_infrared_to_visible",
]


def test_every_dataset_of_the_five_papers_is_known():
    assert set(DATASETS) == set(WANTED)
    assert all(spec.id == name and spec.title and spec.obtain.endswith(".") for name, spec in DATASETS.items())


def test_every_dataset_can_be_found_and_loaded():
    assert all(spec.find is not None and spec.load is not None for spec in DATASETS.values())


def test_every_dataset_is_scored_by_a_known_protocol():
    assert {spec.protocol for spec in DATASETS.values()} <= PROTOCOLS.keys()


def test_a_users_own_folder_is_a_dataset(tmp_path):
    assert dataset(f"folder:{tmp_path}").find(tmp_path) == tmp_path


def test_a_dataset_trains_on_a_known_one_that_trains_as_itself():
    for spec in DATASETS.values():
        assert DATASETS[spec.training_id].training_id == spec.training_id


def test_multiple_query_shares_the_training_of_market_1501_and_has_its_own_protocol():
    assert dataset("market1501_multi_query").training_id == "market1501"
    assert dataset("market1501_multi_query").protocol == "market1501_multi_query"
    assert dataset("market1501").protocol == "market1501"


def test_published_counts_of_market_1501_add_up():
    counts = dataset("market1501").published
    assert counts["gallery_images"] + counts["junk_images"] == counts["test_folder_images"]
    assert counts["train_ids"] + counts["query_ids"] == 1_501
    assert counts["train_images"] + counts["test_folder_images"] == 32_668


def test_published_counts_are_those_that_the_papers_add_up_to():
    duke = dataset("dukemtmc").published
    assert duke["train_images"] + duke["query_images"] + duke["gallery_images"] == 36_411
    msmt = dataset("msmt17").published
    assert msmt["train_images"] + msmt["query_images"] + msmt["gallery_images"] == 126_441
    detected = dataset("cuhk03_detected").published
    assert detected["train_images"] + detected["query_images"] + detected["gallery_images"] == 14_097
    assert detected["train_ids"] + detected["query_ids"] == 1_467


@pytest.mark.parametrize("name", ["dukemtmc", "occluded_duke", "partial_duke"])
def test_datasets_made_from_duke_say_that_it_was_withdrawn(name):
    assert "withdrawn by its authors in 2019" in dataset(name).obtain


def test_an_unknown_dataset_gets_the_nearest_names():
    with pytest.raises(BadInput, match=r"unknown dataset 'market'; the nearest known: 'market1501'"):
        dataset("market")


def test_listing_the_datasets_imports_neither_torch_nor_numpy():
    code = (
        "import sys, harness.datasets, harness.priors; "
        "print(sorted({'torch', 'numpy', 'PIL', 'pandas'} & sys.modules.keys()))"
    )
    listing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert listing.stdout.strip() == "[]"
