"""Partial-REID and Partial-iLIDS: queries show a part of the body, the gallery the whole body.

Both are test sets only, for models trained on Market-1501. There are no camera labels; every gallery image is kept.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from harness.datasets.assemble import add_to_variant, assemble, inspect_images
from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.find_folder import find_folder
from harness.datasets.without_camera import list_query_and_gallery

PARTIAL, OCCLUDED, WHOLE = "partial_body_images", "occluded_body_images", "whole_body_images"
REID_NAME, REID_EXAMPLE = re.compile(r"(?P<identity>\d{1,3})_\d+\.\w+"), "001_001.jpg"
REID_PUBLISHED = {"query_images": 300, "query_ids": 60, "gallery_images": 300, "gallery_ids": 60}

ILIDS_FOLDERS = (("Probe", "Gallery"), (PARTIAL, WHOLE))
ILIDS_NAME, ILIDS_EXAMPLE = re.compile(r"(?P<identity>\d{1,3})\.\w+"), "1.jpg"
ILIDS_PUBLISHED = {"query_images": 119, "query_ids": 119, "gallery_images": 119, "gallery_ids": 119}


def find_partial_reid(data_root: Path) -> Path | None:
    """The folder of Partial-REID under ``data_root``; None if it is not there."""
    return find_folder(data_root, ("partialreid", "partialreiddataset"), (PARTIAL, OCCLUDED, WHOLE))


def find_partial_ilids(data_root: Path) -> Path | None:
    """The folder of Partial-iLIDS under ``data_root``; None if it is not there."""
    return find_folder(data_root, ("partialilids",), [folder for pair in ILIDS_FOLDERS for folder in pair])


def load_partial_ilids(folder: Path) -> Dataset:
    """Partial-iLIDS. Raises BadInput, naming the folder or file, if one is missing, empty or misnamed."""
    images = list_query_and_gallery("Partial-iLIDS", folder, ILIDS_FOLDERS, ILIDS_NAME, ILIDS_EXAMPLE)
    return assemble("partial_ilids", folder, images, inspect_images("partial_ilids", folder, images, ILIDS_PUBLISHED))


def _load_partial_reid(dataset_id: str, queries: str, folder: Path) -> Dataset:
    """Raises BadInput, naming the folder or file, if one is missing, empty or misnamed."""
    images = list_query_and_gallery("Partial-REID", folder, ((queries, WHOLE),), REID_NAME, REID_EXAMPLE)
    passport = inspect_images(dataset_id, folder, images, REID_PUBLISHED)
    return assemble(dataset_id, folder, images, add_to_variant(passport, f"queries are {queries}"))


def _partial_reid(dataset_id: str, title: str, queries: str) -> DatasetSpec:
    load = partial(_load_partial_reid, dataset_id, queries)
    return DatasetSpec(
        dataset_id,
        title,
        REID_PUBLISHED,
        find_partial_reid,
        load,
        trained_as="market1501",
        protocol="without_cameras",
        stand_in="synthetic_partial",
        obtain="Ask the Partial-REID authors.",
    )


SPECS = (
    # Zheng et al., Partial Person Re-identification, ICCV 2015. Most papers query with the occluded images cut by hand
    # to the visible part, some with the occluded images themselves.
    _partial_reid("partial_reid", "Partial-REID", PARTIAL),
    _partial_reid("partial_reid_occluded", "Partial-REID, occluded queries", OCCLUDED),
    # Zheng et al., CVPR 2011, as cut by He et al., CVPR 2018: one query and one gallery image per person.
    DatasetSpec(
        "partial_ilids",
        "Partial-iLIDS",
        ILIDS_PUBLISHED,
        find_partial_ilids,
        load_partial_ilids,
        trained_as="market1501",
        protocol="partial_single_shot",
        stand_in="synthetic_partial",
        obtain="Ask the authors of the Partial-iLIDS crops.",
    ),
)
