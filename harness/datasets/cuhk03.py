"""CUHK03 (Li et al., CVPR 2014) in the 767/700 split of Zhong et al., CVPR 2017.

Boxes are detected, or labelled by hand; each kind is a dataset. Protocol: as Market-1501, with two cameras per person.
The images are read from the folders of CUHK03-NP, or from the original release with the split's configuration file.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from harness.datasets.assemble import assemble, count_images, inspect_images, remark_on_single_images
from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.cuhk03_release import MAT, extract_release
from harness.datasets.find_folder import find_folder
from harness.datasets.market_layout import list_market_images
from harness.datasets.passport import make_passport
from harness.errors import BadInput

NAME = re.compile(r"(?P<identity>\d{4})_c(?P<camera>[12])_\w+\.(?:png|jpg)")
EXAMPLE = "0001_c1_1.png"
DETECTED, LABELED = "detected", "labeled"

PUBLISHED_DETECTED = {
    "train_images": 7_365,
    "train_ids": 767,
    "query_images": 1_400,
    "query_ids": 700,
    "gallery_images": 5_332,
    "gallery_ids": 700,
    "cameras": 2,
    "train_ids_in_test": 0,
}
PUBLISHED_LABELED = PUBLISHED_DETECTED | {"train_images": 7_368, "gallery_images": 5_328}

_OBTAIN = (
    "Get CUHK03-NP (cuhk03-np.zip), or ask the authors for cuhk03_release.zip (MD5 728939e58ad9f0ff53e521857dd8fb43; "
    "for research only) and put the cuhk03_new_protocol_config files of the 767/700 split beside cuhk-03.mat."
)


def _find(boxes: str, data_root: Path) -> Path | None:
    names = ("cuhk03np", "cuhk03", "cuhk03release")
    return find_folder(data_root, names, (boxes, f"cuhk03_release/{MAT}", MAT))


def _load(dataset_id: str, boxes: str, folder: Path) -> Dataset:
    """Raises BadInput, naming the folder or file, if one is missing, empty or misnamed."""
    published = PUBLISHED_DETECTED if boxes == DETECTED else PUBLISHED_LABELED
    if (folder / boxes).is_dir():
        root = folder / boxes
        images = list_market_images(f"CUHK03, {boxes}", root, f"cuhk03-np/{boxes}", NAME, EXAMPLE)
        return assemble(dataset_id, root, images, inspect_images(dataset_id, root, images, published))
    mat = next((mat for mat in (folder / "cuhk03_release" / MAT, folder / MAT) if mat.is_file()), None)
    if mat is None:
        raise BadInput(
            f"{folder} lacks the folder {boxes} and the file cuhk03_release/{MAT}; CUHK03 is expected as "
            f"cuhk03-np/{boxes}/bounding_box_train/{EXAMPLE} or cuhk03/cuhk03_release/{MAT}"
        )
    release = extract_release(mat, folder, boxes)
    found = count_images(release.images, published)
    remarks = remark_on_single_images(release.images)
    passport = make_passport(dataset_id, release.fingerprint, found, published, remarks)
    return assemble(dataset_id, release.root, release.images, passport)


def _spec(dataset_id: str, title: str, boxes: str, same_as: str = "") -> DatasetSpec:
    published = PUBLISHED_DETECTED if boxes == DETECTED else PUBLISHED_LABELED
    find, load = partial(_find, boxes), partial(_load, dataset_id, boxes)
    return DatasetSpec(dataset_id, title, published, find, load, same_as, same_as, obtain=_OBTAIN)


SPECS = (
    _spec("cuhk03_detected", "CUHK03, detected boxes", DETECTED),
    _spec("cuhk03_labeled", "CUHK03, labelled boxes", LABELED),
    # RMGL's cross-dataset table names neither boxes nor split. We take detected boxes of the 767/700 split.
    _spec("cuhk03", "CUHK03, boxes not named", DETECTED, same_as="cuhk03_detected"),
)
