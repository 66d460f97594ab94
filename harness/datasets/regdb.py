"""RegDB (Nguyen et al., Person Recognition System Based on a Combination of Body Images, Sensors 2017).

412 people with ten visible and ten thermal images each, and ten random splits into 206 people for training and 206 for
testing (Ye et al., AAAI 2018; DDAG Sec. 4). Each split is trained and tested on its own; a figure is the mean of ten.
Camera 1 is visible, camera 2 thermal.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.file_names import NamedImage
from harness.datasets.find_folder import find_folder
from harness.datasets.image_lists import read_lines
from harness.datasets.visible_infrared import assemble_visible_infrared
from harness.errors import BadInput

VISIBLE_CAMERA, INFRARED_CAMERA = 1, 2
SPLITS = 10
CAMERA_OF_LIST = {"visible": VISIBLE_CAMERA, "thermal": INFRARED_CAMERA}
LAYOUT = "RegDB/{Visible,Thermal}/... and RegDB/idx/{train,test}_{visible,thermal}_{1,...,10}.txt"

PUBLISHED = {
    "train_images": 4_120,
    "train_ids": 206,
    "query_images": 2_060,
    "query_ids": 206,
    "gallery_images": 2_060,
    "gallery_ids": 206,
    "cameras": 2,
}
"""Counts of each split (DDAG Sec. 4)."""


def find(data_root: Path) -> Path | None:
    """The folder of RegDB under ``data_root`` (or that folder itself); None if it is not there."""
    return find_folder(data_root, ("regdb",), ("idx", "Visible", "Thermal"))


def _load_split(folder: Path, number: int, dataset: str, query: str, gallery: str) -> Dataset:
    """Split ``number``, from 1, with queries and gallery from the lists ``visible`` or ``thermal``.

    Raises BadInput, naming the file, if a list is missing, has a line that is not a path and a label, or names an image
    that is missing or named twice.
    """
    if not 1 <= number <= SPLITS:
        raise BadInput(f"RegDB has no split {number}; choose one from 1 to {SPLITS}")
    images = {
        "train": [*_read_list(folder, "train", "visible", number), *_read_list(folder, "train", "thermal", number)],
        "query": _read_list(folder, "test", query, number),
        "gallery": _read_list(folder, "test", gallery, number),
    }
    found = assemble_visible_infrared(dataset, folder, images, (INFRARED_CAMERA,), PUBLISHED, {})
    return replace(found, number=number)


def _read_list(folder: Path, part: str, modality: str, number: int) -> list[NamedImage]:
    """The images of one list, in its order. A line is a path below ``folder``, a space, and the identity's label."""
    file = folder / "idx" / f"{part}_{modality}_{number}.txt"
    lines = read_lines(file, f"extract it again: RegDB is expected as {LAYOUT}")
    images = [
        _parse_line(file, row, line, CAMERA_OF_LIST[modality])
        for row, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not images:
        raise BadInput(f"{file} names no image; extract it again")
    names = [image.name for image in images]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise BadInput(f"{file} names {len(twice)} image(s) twice: {', '.join(twice[:3])}; leave one line of each")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise BadInput(
            f"{file} names {len(missing)} image(s) that are not in {folder}: {', '.join(missing[:3])}; RegDB is "
            f"expected as {LAYOUT}"
        )
    return images


def _parse_line(file: Path, row: int, line: str, camera: int) -> NamedImage:
    name, _, label = line.strip().rpartition(" ")
    path = PurePosixPath(name.strip())
    if not name or not label.isdecimal() or path.is_absolute() or ".." in path.parts:
        raise BadInput(f"{file}, line {row}: {line!r} is not a path in RegDB, a space and a label; extract it again")
    return NamedImage(str(path), int(label), camera)


def _spec(direction: str, title: str, query: str, gallery: str) -> DatasetSpec:
    dataset = f"regdb_{direction}"

    def load_split(folder: Path, number: int) -> Dataset:
        return _load_split(folder, number, dataset, query, gallery)

    return DatasetSpec(
        dataset,
        f"RegDB, {title}",
        PUBLISHED,
        find,
        load=lambda folder: load_split(folder, 1),
        trained_as="regdb_visible_to_infrared",
        protocol="regdb",
        obtain="Send the signed copyright form of RegDB to its authors at Dongguk University.",
        splits=SPLITS,
        load_split=load_split,
        infrared=True,
        stand_in="synthetic_infrared",
    )


SPECS = (
    _spec("visible_to_infrared", "visible to infrared", "visible", "thermal"),
    _spec("infrared_to_visible", "infrared to visible", "thermal", "visible"),
)
