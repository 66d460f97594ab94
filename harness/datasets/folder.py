"""A user's own images in a plain folder, ``folder:PATH``. File names tell identity and camera.

The folder holds ``train``, ``query`` and ``gallery``. A file ``dataset.yaml`` in it may give the ``pattern`` of file
names and the dataset's ``title``. With ``camera_rule: false``, gallery images of the query's camera are ranked too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.datasets.assemble import Images, assemble, count_images, inspect_images
from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.file_names import IMAGE_SUFFIXES, NamedImage
from harness.errors import BadInput, unknown_name_error

PREFIX = "folder:"
SETTINGS_FILE = "dataset.yaml"
PATTERN = r"(?P<identity>-?\d+)_c(?P<camera>\d+).*"
WHOLE_NUMBER = re.compile(r"-?[0-9]+")
JUNK = -1
"""Identity of gallery images that are never ranked, as in Market-1501."""
SPLIT_FOLDERS = {
    "train": ("train", "bounding_box_train"),
    "query": ("query",),
    "gallery": ("gallery", "bounding_box_test"),
}
"""Names of each split's folder: plain, or as in Market-1501."""
TREE = "{train,query,gallery}/IDENTITY_cCAMERA_*.jpg, such as query/0007_c2_01.jpg"
COUNTED = {
    **{f"{split}_{what}": 0 for split in SPLIT_FOLDERS for what in ("images", "ids")},
    "cameras": 0,
    "train_ids_in_test": 0,
}


@dataclass(frozen=True)
class Settings:
    """The settings in ``dataset.yaml``, or the defaults."""

    title: str
    pattern: re.Pattern[str]
    camera_rule: bool

    @property
    def protocol(self) -> str:
        """Id of the scoring rule: Market-1501's, or the one that ranks every image."""
        return "market1501" if self.camera_rule else "without_cameras"


@dataclass(frozen=True)
class ParsedName:
    """An image file of one split, with the texts for identity and camera in its name. ``camera`` may be empty."""

    split: str
    name: str
    identity: str
    camera: str


def spec(dataset_id: str) -> DatasetSpec:
    """The spec of ``folder:PATH``. A relative PATH starts at the current folder. Only ``dataset.yaml`` is read.

    Raises BadInput for an empty PATH, the home folder of an unknown user, and a ``dataset.yaml`` that cannot be used.
    """
    path = dataset_id.removeprefix(PREFIX)
    if not path:
        raise BadInput(f"{dataset_id} names no folder; write {PREFIX}PATH, the path of a folder that holds {TREE}")
    try:
        folder = Path(path).expanduser()
    except RuntimeError as error:
        raise BadInput(f"{dataset_id}: there is no home folder {Path(path).parts[0]}; write the whole path") from error
    settings = _read_settings(folder)
    return DatasetSpec(
        id=dataset_id,
        title=settings.title,
        find=lambda data_root: folder if folder.is_dir() else None,
        load=partial(load, dataset_id=dataset_id),
        protocol=settings.protocol,
        obtain=f"Make the folder {folder} hold {TREE}, or fix the path.",
    )


def load(folder: Path, dataset_id: str) -> Dataset:
    """The dataset of the images in ``folder``. Gallery images of identity -1 are left out.

    Identities and cameras that are whole numbers keep them. Others (``anna``, ``lobby``, a camera 0) are numbered from
    1, in sorted order; identity -1 stays -1. Raises BadInput naming the missing folders, and for images whose names do
    not fit: it counts them and names the first three.
    """
    settings = _read_settings(folder)
    parsed = list(_parse_names(folder, _find_split_folders(folder), settings.pattern))
    _require_identities(folder, parsed)
    images, remarks = _number_labels(parsed)
    ranked = {**images, "gallery": [image for image in images["gallery"] if image.identity != JUNK]}
    _require_images(folder, ranked)
    found = count_images(ranked, COUNTED)
    junk = len(images["gallery"]) - len(ranked["gallery"])
    passport = replace(
        # The fingerprint covers all files on disk, the junk too.
        inspect_images(dataset_id, folder, images, {}, [*remarks, *_remark_on_shared_people(found)]),
        variant=f"own images, names read by {settings.pattern.pattern}",
        counts={**found, "junk_images": junk},
        official=False,
    )
    return assemble(dataset_id, folder, ranked, passport)


def _read_settings(folder: Path) -> Settings:
    """The settings of ``folder``. Raises BadInput naming the file and the key that cannot be used."""
    file = folder / SETTINGS_FILE
    given = _read_yaml(file) if file.is_file() else {}
    for key in given:
        if key not in ("title", "pattern", "camera_rule"):
            raise unknown_name_error(f"key in {file},", str(key), ("title", "pattern", "camera_rule"))
    title, text = given.get("title", folder.absolute().name), given.get("pattern", PATTERN)
    camera_rule = given.get("camera_rule", True)
    if not isinstance(title, str) or not isinstance(text, str) or not isinstance(camera_rule, bool):
        raise BadInput(f"{file}: title and pattern must be text, camera_rule true or false; quote or fix them")
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise BadInput(f"{file}: pattern {text!r} is not a regular expression ({error}); fix it") from error
    if "identity" not in pattern.groupindex:
        raise BadInput(f"{file}: pattern {text!r} has no group (?P<identity>...); add it")
    if camera_rule and "camera" not in pattern.groupindex:
        raise BadInput(
            f"{file}: pattern {text!r} has no group (?P<camera>...); add it, or write camera_rule: false to rank "
            "images whatever their camera"
        )
    return Settings(title, pattern, camera_rule)


def _read_yaml(file: Path) -> dict[Any, Any]:
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{file} cannot be read as YAML ({reason}); fix it, patterns in single quotes") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise BadInput(f"{file} is not a list of keys and values; write lines such as title: Our building")
    return content


def _find_split_folders(folder: Path) -> dict[str, str]:
    """The name of each split's folder. Raises BadInput naming folders that are missing, or there under two names."""
    found = {split: [name for name in names if (folder / name).is_dir()] for split, names in SPLIT_FOLDERS.items()}
    missing = [" or ".join(SPLIT_FOLDERS[split]) for split, names in found.items() if not names]
    if not folder.is_dir():
        raise BadInput(f"there is no folder {folder}; make it, or fix the path: it is expected to hold {TREE}")
    if missing:
        raise BadInput(f"{folder} lacks the folder(s) {', '.join(missing)}; it is expected to hold {TREE}")
    for names in found.values():
        if len(names) > 1:
            raise BadInput(f"{folder} holds both {' and '.join(names)}; leave one of them")
    return {split: names[0] for split, names in found.items()}


def _parse_names(folder: Path, split_folders: Mapping[str, str], pattern: re.Pattern[str]) -> Iterator[ParsedName]:
    """The image files of all splits, sorted by name. Raises BadInput if some names do not fit."""
    strays = []
    for split, inside in split_folders.items():
        for name in sorted(os.listdir(folder / inside)):
            if name.startswith(".") or not name.lower().endswith(IMAGE_SUFFIXES):
                continue
            match = pattern.fullmatch(name)
            groups = match.groupdict() if match else {"identity": None}
            if any(not groups[group] for group in ("identity", "camera") if group in groups):
                strays.append(f"{inside}/{name}")
                continue
            yield ParsedName(split, f"{inside}/{name}", groups["identity"] or "", groups.get("camera") or "")
    if strays:
        raise BadInput(
            f"{folder} holds {len(strays)} image(s) whose whole name does not fit the pattern {pattern.pattern} "
            f"({_list_first(strays)}); rename or remove them, or give another pattern in {SETTINGS_FILE}"
        )


def _require_identities(folder: Path, parsed: Sequence[ParsedName]) -> None:
    """Raise BadInput for identities below -1, and for -1 outside the gallery."""
    below = [image.name for image in parsed if WHOLE_NUMBER.fullmatch(image.identity) and int(image.identity) < JUNK]
    if below:
        raise BadInput(
            f"{folder} holds {len(below)} image(s) of an identity below -1 ({_list_first(below)}); number people from "
            "0, or name them -1 in the gallery to have them never ranked"
        )
    unlabelled = [image.name for image in parsed if image.split != "gallery" and _is_junk(image.identity)]
    if unlabelled:
        raise BadInput(
            f"{folder}: identity -1 belongs in the gallery only; move or remove the {len(unlabelled)} image(s) "
            f"{_list_first(unlabelled)}"
        )


def _is_junk(identity: str) -> bool:
    return bool(WHOLE_NUMBER.fullmatch(identity)) and int(identity) == JUNK


def _list_first(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")


def _number_labels(parsed: Sequence[ParsedName]) -> tuple[dict[str, list[NamedImage]], list[str]]:
    """The images of each split with numbers for identity and camera, and remarks on the numbering."""
    junk = {image.identity for image in parsed if _is_junk(image.identity)}
    people = _number_texts([image.identity for image in parsed if image.identity not in junk], least=0)
    identities = {**people, **dict.fromkeys(junk, JUNK)}
    cameras = _number_texts([image.camera for image in parsed], least=1) if any(i.camera for i in parsed) else {"": 0}
    images: dict[str, list[NamedImage]] = {split: [] for split in SPLIT_FOLDERS}
    for image in parsed:
        number, camera = identities[image.identity], cameras[image.camera]
        images[image.split].append(NamedImage(image.name, number, camera))
    remarks = [
        *_remark_on_numbering("Identities", identities),
        *_remark_on_numbering("Cameras", cameras),
        *_remark_on_missing_cameras(cameras),
    ]
    return images, remarks


def _number_texts(texts: Iterable[str], least: int) -> dict[str, int]:
    """A number for each text: its own if all texts are whole numbers from ``least``, else its rank, from 1."""
    distinct = sorted(set(texts))
    if not all(WHOLE_NUMBER.fullmatch(text) for text in distinct):
        return {text: rank for rank, text in enumerate(distinct, start=1)}
    if all(int(text) >= least for text in distinct):
        return {text: int(text) for text in distinct}
    ranks = {value: rank for rank, value in enumerate(sorted({int(text) for text in distinct}), start=1)}
    return {text: ranks[int(text)] for text in distinct}


def _remark_on_numbering(what: str, numbers: Mapping[str, int]) -> Iterator[str]:
    """A remark if the numbers differ from the texts in the names."""
    if any(text and not (WHOLE_NUMBER.fullmatch(text) and int(text) == number) for text, number in numbers.items()):
        first = ", ".join(f"{text} is {number}" for text, number in list(numbers.items())[:3])
        yield f"{what} are numbered in their order: {first}{', ...' if len(numbers) > 3 else ''}."


def _remark_on_missing_cameras(cameras: Mapping[str, int]) -> Iterator[str]:
    """A remark on gaps in the camera numbers, if there are any."""
    missing = [number for number in range(1, max(cameras.values(), default=0)) if number not in cameras.values()]
    if missing:
        yield f"No image is of camera {', '.join(map(str, missing))}, but some are of camera {max(cameras.values())}."


def _remark_on_shared_people(found: Mapping[str, int]) -> Iterator[str]:
    if found["train_ids_in_test"]:
        yield f"Identities of the training images that query or gallery show too: {found['train_ids_in_test']}."


def _require_images(folder: Path, images: Images) -> None:
    empty = [split for split, inside in images.items() if not inside]
    if empty:
        raise BadInput(
            f"{folder}: there are no images to use in {', '.join(empty)}; put files that end in "
            f"{', '.join(IMAGE_SUFFIXES)} directly into each of its folders"
        )
