"""SYSU-MM01 (Wu et al., RGB-Infrared Cross-Modality Person Re-Identification, ICCV 2017) in its official layout.

Cameras 1, 2 (indoor), 4 and 5 (outdoor) are visible, 3 (indoor) and 6 (outdoor) infrared. Training takes all images of
the training and validation identities in all six cameras. Queries are the infrared images of the test identities; the
gallery holds their visible images, sorted by name. The protocol draws the images that a trial ranks, one per person and
camera.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.file_names import IMAGE_SUFFIXES, NamedImage
from harness.datasets.find_folder import find_folder, require_folders
from harness.datasets.visible_infrared import assemble_visible_infrared
from harness.errors import BadInput

VISIBLE_CAMERAS = (1, 2, 4, 5)
INDOOR_VISIBLE_CAMERAS = (1, 2)
INFRARED_CAMERAS = (3, 6)
CAMERAS = (1, 2, 3, 4, 5, 6)
IDENTITY_LISTS = ("train_id.txt", "val_id.txt", "test_id.txt")
IMAGE_NAME = re.compile(r"\d{4}\.jpg")
LAYOUT = "SYSU-MM01/{cam1,...,cam6}/0001/0001.jpg and SYSU-MM01/exp/{train_id,val_id,test_id}.txt"

PUBLISHED = {
    "train_images": 34_167,
    "train_ids": 395,
    "train_visible_images": 22_258,
    "train_infrared_images": 11_909,
    "query_images": 3_803,
    "query_ids": 96,
    "gallery_images": 6_775,
    "gallery_ids": 96,
    "gallery_images_a_trial": 301,
    "cameras": 6,
}
"""Training and queries as printed in DDAG Sec. 4; the gallery as counted in the owners' ``rand_perm_cam.mat``."""
PUBLISHED_INDOOR = PUBLISHED | {"gallery_images": 2_939, "gallery_ids": 56, "gallery_images_a_trial": 112}


def find(data_root: Path) -> Path | None:
    """The folder of SYSU-MM01 under ``data_root`` (or that folder itself); None if it is not there."""
    return find_folder(data_root, ("sysumm01", "sysu"), ("cam1", "exp"))


def _load(folder: Path, dataset: str, gallery_cameras: tuple[int, ...], published: dict[str, int]) -> Dataset:
    """SYSU-MM01 with the gallery of these cameras.

    Raises BadInput, naming the file or folder, if a camera or a list of identities is missing, if a list does not
    hold numbers or has an identity twice, and for images not named as in SYSU-MM01.
    """
    require_folders("SYSU-MM01", folder, [f"cam{camera}" for camera in CAMERAS], LAYOUT)
    training, validation, test = _read_identities(folder)
    images = {
        "train": _list_images(folder, training | validation, CAMERAS),
        "query": _list_images(folder, test, INFRARED_CAMERAS),
        "gallery": _list_images(folder, test, gallery_cameras),
    }
    infrared = sum(image.camera in INFRARED_CAMERAS for image in images["train"])
    counts = {
        "train_visible_images": len(images["train"]) - infrared,
        "train_infrared_images": infrared,
        "gallery_images_a_trial": len({(image.identity, image.camera) for image in images["gallery"]}),
    }
    return assemble_visible_infrared(dataset, folder, images, INFRARED_CAMERAS, published, counts)


def _read_identities(folder: Path) -> list[set[int]]:
    """The identities in each of ``IDENTITY_LISTS``. Each file is one line of numbers with commas."""
    lists = []
    for name in IDENTITY_LISTS:
        file = folder / "exp" / name
        try:
            numbers = [int(number) for number in file.read_text(encoding="ascii").replace(",", " ").split()]
        except OSError as error:
            raise BadInput(f"{file} cannot be read ({error.strerror}); SYSU-MM01 is expected as {LAYOUT}") from error
        except ValueError as error:
            raise BadInput(
                f"{file} is not a line of identity numbers with commas between ({error}); extract it again"
            ) from error
        lists.append(numbers)
    counts = Counter(number for numbers in lists for number in numbers)
    twice = sorted(number for number, count in counts.items() if count > 1)
    if twice:
        raise BadInput(
            f"{folder / 'exp'} lists {len(twice)} identities twice, in one of {', '.join(IDENTITY_LISTS)} or in two: "
            f"{', '.join(map(str, twice[:3]))}; extract the lists again"
        )
    return [set(numbers) for numbers in lists]


def _list_images(folder: Path, identities: Collection[int], cameras: tuple[int, ...]) -> list[NamedImage]:
    """The images of these identities in these cameras, by camera, identity and name. A person may lack a camera."""
    images, strays = [], []
    for camera in cameras:
        for identity in sorted(identities):
            person = f"cam{camera}/{identity:04d}"
            if not (folder / person).is_dir():
                continue
            for name in sorted(os.listdir(folder / person)):
                if name.startswith(".") or not name.lower().endswith(IMAGE_SUFFIXES):
                    continue
                if IMAGE_NAME.fullmatch(name):
                    images.append(NamedImage(f"{person}/{name}", identity, camera))
                else:
                    strays.append(f"{person}/{name}")
    if strays:
        raise BadInput(
            f"{folder} holds {len(strays)} image(s) not named by a number as in 0001.jpg: {', '.join(strays[:3])}; "
            "rename or remove them, because the galleries of the trials are drawn from the names in order"
        )
    if not images:
        raise BadInput(
            f"{folder} holds no image of the listed identities in the cameras {', '.join(map(str, cameras))}; "
            f"SYSU-MM01 is expected as {LAYOUT}"
        )
    return images


def _spec(dataset: str, title: str, gallery_cameras: tuple[int, ...], published: dict[str, int]) -> DatasetSpec:
    return DatasetSpec(
        dataset,
        title,
        published,
        find,
        load=lambda folder: _load(folder, dataset, gallery_cameras, published),
        trained_as="sysu_all",
        protocol=dataset,
        infrared=True,
        stand_in="synthetic_infrared",
        obtain="Sign the agreement of the SYSU-MM01 authors and send it by e-mail; the images may not be passed on.",
    )


SPECS = (
    _spec("sysu_all", "SYSU-MM01, all search", VISIBLE_CAMERAS, PUBLISHED),
    _spec("sysu_indoor", "SYSU-MM01, indoor search", INDOOR_VISIBLE_CAMERAS, PUBLISHED_INDOOR),
)
