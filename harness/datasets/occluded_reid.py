"""Occluded-REID (Zhuo et al., Occluded Person Re-identification, ICME 2018).

A test set only, for models trained on Market-1501: 200 people, each with 5 occluded images as queries and 5 images of
the whole body as gallery. There are no camera labels, and every gallery image is kept. Copies hold .tif or .jpg files,
all in one folder or one folder per person.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.datasets.assemble import assemble, inspect_images
from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.find_folder import find_folder
from harness.datasets.without_camera import list_query_and_gallery

NAME = re.compile(r"(?P<identity>\d{1,3})_\d+\.\w+")
EXAMPLE = "001/001_01.tif"
FOLDERS = (("occluded_body_images", "whole_body_images"), ("query", "gallery"))
PUBLISHED = {"query_images": 1_000, "query_ids": 200, "gallery_images": 1_000, "gallery_ids": 200}


def find(data_root: Path) -> Path | None:
    """The folder of Occluded-REID under ``data_root``; None if it is not there."""
    return find_folder(data_root, ("occludedreid",), [folder for pair in FOLDERS for folder in pair])


def load(folder: Path) -> Dataset:
    """Occluded-REID. Raises BadInput, naming the folder or file, if one is missing, empty or misnamed."""
    images = list_query_and_gallery("Occluded-REID", folder, FOLDERS, NAME, EXAMPLE)
    return assemble("occluded_reid", folder, images, inspect_images("occluded_reid", folder, images, PUBLISHED))


OCCLUDED_REID = DatasetSpec(
    "occluded_reid",
    "Occluded-REID",
    PUBLISHED,
    find,
    load,
    trained_as="market1501",
    protocol="without_cameras",
    stand_in="synthetic_occluded",
    obtain="Sign the user agreement of the Occluded-REID authors.",
)
