"""MSMT17 (Wei et al., Person Transfer GAN to Bridge Domain Gap, CVPR 2018), first or second release.

The second release is the first with blurred faces. ``msmt17`` trains on list_train and list_val together: this gives
the published 32,621 training images and MPN's iterations per epoch. ``msmt17_train_only`` trains on list_train alone,
as some frameworks do. Protocol: as Market-1501. The files number training and test identities both from 0; here the
test identities follow the training identities.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path

from harness.datasets.assemble import add_to_variant, assemble, inspect_images
from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.file_names import NamedImage
from harness.datasets.find_folder import find_folder, require_folders
from harness.datasets.image_lists import read_lines
from harness.errors import BadInput

RELEASES = {"MSMT17_V1": ("train", "test"), "MSMT17_V2": ("mask_train_v2", "mask_test_v2")}
"""The folders of training and of test images in each release."""

LISTED = re.compile(r"\d{4}/(?P<identity>\d{4})_\d{3}_(?P<camera>0[1-9]|1[0-5])_\w+\.jpg")
EXAMPLE = "0000/0000_045_12_0303morning_0006_2.jpg 0"
TRAIN_AND_VAL, TRAIN_ONLY = ("list_train.txt", "list_val.txt"), ("list_train.txt",)
QUERY, GALLERY = "list_query.txt", "list_gallery.txt"

TRAIN_IDENTITIES = 1_041
PUBLISHED = {
    "train_images": 32_621,
    "train_ids": TRAIN_IDENTITIES,
    "query_images": 11_659,
    "query_ids": 3_060,
    "gallery_images": 82_161,
    "gallery_ids": 3_060,
    "cameras": 15,
    "train_ids_in_test": 0,
}
PUBLISHED_TRAIN_ONLY = PUBLISHED | {"train_images": 30_248}


def find(data_root: Path) -> Path | None:
    """The folder of MSMT17 under ``data_root``, the first release before the second; None if it is not there."""
    places = [folder for release in RELEASES.values() for folder in release]
    return find_folder(data_root, ("msmt17v1", "msmt17v2", "msmt17"), places)


def _load(dataset_id: str, training_lists: tuple[str, ...], published: dict[str, int], folder: Path) -> Dataset:
    """Raises BadInput, naming the list, line or image, if one is missing or not as in the release."""
    there = [name for name, inside in RELEASES.items() if any((folder / place).is_dir() for place in inside)]
    release = there[0] if there else "MSMT17_V1"
    train, test = RELEASES[release]
    lists = (*training_lists, QUERY, GALLERY)
    require_folders("MSMT17", folder, (train, test), f"{release}/{{{','.join((train, test, *lists))}}}")
    missing = [name for name in lists if not (folder / name).is_file()]
    if missing:
        raise BadInput(f"{folder} lacks {', '.join(missing)}; take the list files from the original archive")
    images = {
        "train": [image for name in training_lists for image in _read_list(folder, name, train, 0)],
        "query": _read_list(folder, QUERY, test, TRAIN_IDENTITIES),
        "gallery": _read_list(folder, GALLERY, test, TRAIN_IDENTITIES),
    }
    passport = inspect_images(dataset_id, folder, images, published)
    words = " and ".join(name.removesuffix(".txt") for name in training_lists)
    return assemble(dataset_id, folder, images, add_to_variant(passport, f"{release}, training images of {words}"))


def _read_list(folder: Path, list_name: str, image_folder: str, first_identity: int) -> list[NamedImage]:
    """The images of a list. Its identity 0 becomes ``first_identity``."""
    images, strange = [], []
    for line in read_lines(folder / list_name, "take it from the original archive"):
        if not line.strip():
            continue
        path, _, number = line.strip().partition(" ")
        match = LISTED.fullmatch(path)
        if match and number.strip().isdecimal() and int(number) == int(match["identity"]):
            identity = first_identity + int(match["identity"])
            images.append(NamedImage(f"{image_folder}/{path}", identity, int(match["camera"])))
        else:
            strange.append(line.strip())
    if strange or not images:
        shown = f": {'; '.join(strange[:3])}" if strange else ""
        raise BadInput(
            f"{folder / list_name} has {len(strange)} line(s) and {len(images)} image(s), where lines say file, "
            f"identity and camera as in {EXAMPLE}{shown}; take it from the original archive"
        )
    _require_files(folder, list_name, images)
    return images


def _require_files(folder: Path, list_name: str, images: list[NamedImage]) -> None:
    absent = [image.name for image in images if not os.path.isfile(f"{folder}/{image.name}")]
    if absent:
        raise BadInput(
            f"{folder} lacks {len(absent)} image(s) that {list_name} names: {', '.join(absent[:3])}; extract the "
            "original archive again"
        )


def _spec(dataset_id: str, title: str, training_lists: tuple[str, ...], published: dict[str, int]) -> DatasetSpec:
    load = partial(_load, dataset_id, training_lists, published)
    obtain = "Ask the MSMT17 authors by e-mail, and keep the four list files beside the images."
    return DatasetSpec(dataset_id, title, published, find, load, obtain=obtain)


SPECS = (
    _spec("msmt17", "MSMT17", TRAIN_AND_VAL, PUBLISHED),
    _spec("msmt17_train_only", "MSMT17, trained on list_train only", TRAIN_ONLY, PUBLISHED_TRAIN_ONLY),
)
