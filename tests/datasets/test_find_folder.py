"""Datasets are found under all names of their folders."""

import pytest

from harness.datasets import dataset
from harness.datasets.find_folder import find_folder

USUAL = [
    ("market1501", "Market-1501-v15.09.15", "bounding_box_train"),
    ("market1501", "Market-1501-v15.09.15/Market-1501-v15.09.15", "bounding_box_test"),
    ("market1501", "market1501/Market-1501-v15.09.15", "query"),
    ("market1501", "Market-1501_v15.09.15", "bounding_box_train"),
    ("market1501", "Market-1501", "query"),
    ("market1501", "market-1501", "query"),
    ("market1501", "Market1501", "bounding_box_train"),
    ("market1501", "Market", "query"),
    ("dukemtmc", "DukeMTMC-reID", "bounding_box_train"),
    ("dukemtmc", "dukemtmc-reid/DukeMTMC-reID", "query"),
    ("dukemtmc", "DukeMTMC_reID", "bounding_box_test"),
    ("dukemtmc", "dukemtmc", "bounding_box_train"),
    ("partial_duke", "DukeMTMC-reID", "bounding_box_train"),
    ("cuhk03_detected", "cuhk03-np", "detected"),
    ("cuhk03_labeled", "cuhk03/CUHK03-NP", "labeled"),
    ("cuhk03", "cuhk03", "detected"),
    ("cuhk03_detected", "cuhk03", "cuhk03_release/cuhk-03.mat"),
    ("cuhk03_labeled", "cuhk03_release", "cuhk-03.mat"),
    ("msmt17", "MSMT17_V1", "train"),
    ("msmt17", "msmt17/MSMT17_V2", "mask_test_v2"),
    ("msmt17_train_only", "MSMT17", "test"),
    ("occluded_duke", "Occluded_Duke", "query"),
    ("occluded_duke", "Occluded-DukeMTMC-reID", "bounding_box_train"),
    ("occluded_reid", "Occluded_REID", "whole_body_images"),
    ("occluded_reid", "occluded_reid/Occluded-ReID", "query"),
    ("partial_reid", "Partial-REID_Dataset", "partial_body_images"),
    ("partial_reid", "PartialREID", "whole_body_images"),
    ("partial_reid_occluded", "partial-reid", "occluded_body_images"),
    ("partial_ilids", "Partial_iLIDS", "Probe"),
    ("partial_ilids", "partial_ilids/PartialILIDS", "Gallery"),
    ("synergyreid", "data_reid", "reid_training"),
    ("synergyreid", "synergyreid_data", "reid_test"),
    ("synergyreid", "synergyreid/data_reid", "reid_test"),
]


@pytest.mark.parametrize(("dataset_id", "folder", "inside"), USUAL)
def test_each_usual_name_is_found_under_the_data_root(tmp_path, dataset_id, folder, inside):
    (tmp_path / folder / inside).mkdir(parents=True)
    assert dataset(dataset_id).find(tmp_path) == tmp_path / folder


@pytest.mark.parametrize(("dataset_id", "folder", "inside"), [row for row in USUAL if "/" not in row[1]])
def test_the_data_root_may_be_the_dataset_itself(tmp_path, dataset_id, folder, inside):
    (tmp_path / folder / inside).mkdir(parents=True)
    assert dataset(dataset_id).find(tmp_path / folder) == tmp_path / folder


def test_the_folders_of_market_1501_are_not_taken_for_duke(tmp_path):
    (tmp_path / "Market-1501-v15.09.15" / "bounding_box_train").mkdir(parents=True)
    for dataset_id in ("dukemtmc", "occluded_duke", "cuhk03_detected"):
        assert dataset(dataset_id).find(tmp_path) is None
        assert dataset(dataset_id).find(tmp_path / "Market-1501-v15.09.15") is None


def test_the_folders_of_duke_are_not_taken_for_market_1501(tmp_path):
    (tmp_path / "DukeMTMC-reID" / "bounding_box_train").mkdir(parents=True)
    for data_root in (tmp_path, tmp_path / "DukeMTMC-reID"):
        assert dataset("market1501").find(data_root) is None


def test_one_kind_of_boxes_is_not_taken_for_the_other(tmp_path):
    (tmp_path / "cuhk03-np" / "detected").mkdir(parents=True)
    assert dataset("cuhk03_detected").find(tmp_path) == tmp_path / "cuhk03-np"
    assert dataset("cuhk03_labeled").find(tmp_path) is None


def test_earlier_names_are_preferred_and_folders_with_nothing_expected_in_them_passed_over(tmp_path):
    for name in ("MSMT17", "MSMT17_V1", "MSMT17_V2"):
        (tmp_path / name).mkdir()
    (tmp_path / "MSMT17_V2" / "train").mkdir()
    assert find_folder(tmp_path, ("msmt17v1", "msmt17v2"), ["train"]) == tmp_path / "MSMT17_V2"
    (tmp_path / "MSMT17_V1" / "train").mkdir()
    assert find_folder(tmp_path, ("msmt17v1", "msmt17v2"), ["train"]) == tmp_path / "MSMT17_V1"
    (tmp_path / "msmt17_v2_old" / "train").mkdir(parents=True)
    assert find_folder(tmp_path, ("msmt17v3",), ["train"]) is None
