"""Occluded-Duke (Miao et al., Pose-Guided Feature Alignment for Occluded Person Re-identification, ICCV 2019).

Three published lists choose images of DukeMTMC-reID. Ready-made folders are read as they are. Otherwise the lists are
read, with a DukeMTMC-reID nearby; no image is copied. Protocol: as Market-1501. 1,870 of the 2,210 queries are gallery
images too; the camera rule removes these.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness.datasets import dukemtmc
from harness.datasets.assemble import assemble, inspect_images
from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.file_names import NamedImage
from harness.datasets.find_folder import find_folder
from harness.datasets.image_lists import read_lines
from harness.datasets.market_layout import FOLDERS, list_market_images
from harness.errors import BadInput

LISTS = {split: f"{split}.list" for split in FOLDERS}
NAMES = ("occludedduke", "occludeddukemtmcreid", "occludeddukemtmc", "occludeddukemtmcdataset")
PUBLISHED = {
    "train_images": 15_618,
    "train_ids": 702,
    "query_images": 2_210,
    "query_ids": 519,
    "gallery_images": 17_661,
    "gallery_ids": 1_110,
    "cameras": 8,
    "train_ids_in_test": 0,
}


def find(data_root: Path) -> Path | None:
    """The ready-made folders, else the lists if a DukeMTMC-reID is nearby, else None."""
    ready_made = find_folder(data_root, NAMES, list(FOLDERS.values()))
    if ready_made is not None:
        return ready_made
    lists = find_folder(data_root, NAMES, list(LISTS.values()))
    return lists if lists is not None and _find_duke_near(lists) is not None else None


def load(folder: Path) -> Dataset:
    """Occluded-Duke. Raises BadInput, naming the folder, list or file, if one is missing, empty or misnamed."""
    if any((folder / name).is_dir() for name in FOLDERS.values()):
        root = folder
        images = list_market_images("Occluded-Duke", root, "Occluded_Duke", dukemtmc.NAME, dukemtmc.EXAMPLE)
    else:
        root, images = _read_lists(folder)
    passport = inspect_images("occluded_duke", root, images, PUBLISHED, [dukemtmc.WITHDRAWN])
    return assemble("occluded_duke", root, images, passport)


def _find_duke_near(lists: Path) -> Path | None:
    """DukeMTMC-reID in the folder of the lists, or in one of the two folders above it."""
    above = lists.absolute()
    near = (dukemtmc.find(place) for place in (above, above.parent, above.parent.parent))
    return next((folder for folder in near if folder is not None), None)


def _read_lists(lists: Path) -> tuple[Path, dict[str, list[NamedImage]]]:
    """The folder of DukeMTMC-reID, and its images that the lists choose."""
    missing = [name for name in LISTS.values() if not (lists / name).is_file()]
    if missing:
        raise BadInput(f"{lists} lacks {', '.join(missing)}; get the three lists of Occluded-Duke again")
    duke = _find_duke_near(lists)
    if duke is None:
        raise BadInput(f"no DukeMTMC-reID is beside {lists}, whose lists choose from it; put it there")
    there = {folder: set(os.listdir(duke / folder)) for folder in FOLDERS.values() if (duke / folder).is_dir()}
    return duke, {split: _read_list(lists / name, FOLDERS[split], duke, there) for split, name in LISTS.items()}


def _read_list(list_file: Path, own: str, duke: Path, there: dict[str, set[str]]) -> list[NamedImage]:
    """The images of a list, sorted by name. Each lies in the folder ``own`` of Duke, or else in its gallery."""
    images, strange, absent = [], [], []
    for name in sorted(filter(None, map(str.strip, read_lines(list_file, "get the lists of Occluded-Duke again")))):
        match = dukemtmc.NAME.fullmatch(name)
        folder = next((it for it in (own, FOLDERS["gallery"]) if name in there.get(it, ())), None)
        if match is None:
            strange.append(name)
        elif folder is None:
            absent.append(name)
        else:
            images.append(NamedImage(f"{folder}/{name}", int(match["identity"]), int(match["camera"])))
    if strange or not (images or absent):
        shown = f": {', '.join(strange[:3])}" if strange else ""
        raise BadInput(
            f"{list_file} has {len(strange)} line(s) and {len(images)} image(s), where lines are names as in "
            f"{dukemtmc.EXAMPLE}{shown}; get the lists of Occluded-Duke again"
        )
    if absent:
        raise BadInput(
            f"{duke} lacks {len(absent)} image(s) that {list_file} names: {', '.join(absent[:3])}; extract the "
            "original archive again"
        )
    return images


OCCLUDED_DUKE = DatasetSpec(
    "occluded_duke", "Occluded-Duke", PUBLISHED, find, load, obtain=dukemtmc.WITHDRAWN, stand_in="synthetic_occluded"
)
