"""SynergyReID (Van Zandycke et al., DeepSportradar-v1, MMSports 2022): basketball players in short sequences.

Tested on its test split, as in MDPR: the first frame of a sequence is the query, frames 2 to 20 the gallery. All come
from one camera, so every gallery image is kept. The challenge split has no labels and is not read.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.datasets.assemble import assemble, inspect_images
from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.find_folder import find_folder, require_folders
from harness.datasets.without_camera import GALLERY_CAMERA, QUERY_CAMERA, list_images_of_one_camera

NAME = re.compile(r"(?P<identity>\d+)_\d+_\d+\.jpe?g")
EXAMPLE = "0001_0001_0001.jpeg"
TRAIN, QUERY, GALLERY = "reid_training", "reid_test/query", "reid_test/gallery"
PUBLISHED = {
    "train_images": 8_569,
    "train_ids": 436,
    "query_images": 50,
    "query_ids": 50,
    "gallery_images": 910,
    "gallery_ids": 50,
    "train_ids_in_test": 0,
}


def find(data_root: Path) -> Path | None:
    """The folder of SynergyReID under ``data_root``; None if it is not there."""
    return find_folder(data_root, ("synergyreiddata", "datareid", "synergyreid"), (TRAIN, "reid_test"))


def load(folder: Path) -> Dataset:
    """SynergyReID. Raises BadInput, naming the folder or file, if one is missing, empty or misnamed."""
    tree = f"synergyreid_data/{{{TRAIN},{QUERY},{GALLERY}}}/{EXAMPLE}"
    require_folders("SynergyReID", folder, (TRAIN, QUERY, GALLERY), tree)
    images = {
        "train": list_images_of_one_camera(folder, TRAIN, NAME, QUERY_CAMERA, EXAMPLE),
        "query": list_images_of_one_camera(folder, QUERY, NAME, QUERY_CAMERA, EXAMPLE),
        "gallery": list_images_of_one_camera(folder, GALLERY, NAME, GALLERY_CAMERA, EXAMPLE),
    }
    return assemble("synergyreid", folder, images, inspect_images("synergyreid", folder, images, PUBLISHED))


SYNERGYREID = DatasetSpec(
    "synergyreid",
    "SynergyReID",
    PUBLISHED,
    find,
    load,
    protocol="without_cameras",
    stand_in="synthetic_players",
    obtain="Get synergyreid_data.zip from the DeepSportradar player re-identification challenge.",
)
