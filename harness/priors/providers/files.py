"""Priors that another tool wrote: keypoints in COCO's JSON format, and a PNG an image with a mask or a part map."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from PIL import Image

from harness.errors import BadInput
from harness.priors.naming import image_names
from harness.priors.parsing import BACKGROUND, HEAD, HEIGHT, LEFT_LEG, RIGHT_LEG, TORSO, WIDTH
from harness.priors.providers.base import Progress, Provider

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.datasets.base import Split

PARTS = {"background": BACKGROUND, "head": HEAD, "torso": TORSO, "left leg": LEFT_LEG, "right leg": RIGHT_LEG}
"""What a label map may call a label; the torso has the arms, left and right are the person's own."""

GREATEST_LABEL = 65_535
"""The greatest value of a PNG's pixel."""

Labels = Mapping[int, int]
"""Part of a part map by the label in a PNG."""


def from_files(keypoints: Path | None, masks: Path | None, labels: Path | None) -> Provider:
    """Keypoints of the COCO JSON file ``keypoints``, and masks or part maps of the PNG folder ``masks``.

    A PNG is called as its image is, with ``.png`` for the suffix or after it. Without ``labels`` its pixels are 0 and
    1 or 0 and 255 for background and person; with it they are labels, and ``labels`` is a YAML or JSON file
    that maps each to one of ``PARTS``. Raises BadInput for files that are not so, and for images that they lack.
    """
    if keypoints is None and masks is None:
        raise BadInput("--provider files needs --keypoints FILE.json, --masks FOLDER, or both")
    if labels is not None and masks is None:
        raise BadInput("--labels says what the PNGs of --masks hold; name that folder too")
    if masks is not None and not masks.is_dir():
        raise BadInput(f"--masks {masks} is not a folder; name the one that holds the PNGs")
    people = None if keypoints is None else read_coco(keypoints)
    label_map = None if labels is None else read_labels(labels)
    arrays: tuple[str, ...] = () if people is None else ("keypoints", "presence")
    if masks is not None:
        arrays += ("mask",) if label_map is None else ("mask", "parsing")

    def observe(root: Path, split: Split, progress: Progress) -> dict[str, NDArray[Any]]:
        found: dict[str, NDArray[Any]] = {}
        if people is not None and keypoints is not None:
            found |= _keypoints(keypoints, people, image_names(split))
        if masks is not None:
            found |= _maps(masks, label_map, image_names(split), progress)
        return found

    return Provider(_statement(keypoints, masks, labels), arrays, observe)


def _statement(keypoints: Path | None, masks: Path | None, labels: Path | None) -> str:
    said = []
    if keypoints is not None:
        said.append(f"COCO keypoints {keypoints.name} (SHA-256 {_digest(keypoints)})")
    if masks is not None:
        said.append(f"PNGs of the folder {masks.resolve().name}")
    if labels is not None:
        said.append(f"label map {labels.name} (SHA-256 {_digest(labels)})")
    return "files: " + ", ".join(said)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def read_coco(file: Path) -> dict[str, NDArray[np.float32]]:
    """The surest person of each image of a COCO keypoint file, by the image's ``file_name``: (18, 3).

    The first 17 rows are the keypoints as in ``Provider``, the last holds the person's presence in its third place: the
    annotation's ``score`` where it has one, else 1, and 0 without annotation. The surest has the greatest score, then
    the greatest area. Where any third number of a keypoint is 2 they are COCO's visibilities (0 not labelled, 1 hidden,
    2 visible), kept as confidences 0, 0.5 and 1; else they are confidences already. Raises BadInput naming the file and
    the entry that is wrong.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        images = {image["id"]: image for image in content["images"]}
        annotations = [entry for entry in content["annotations"] if entry.get("keypoints")]
        surest = _surest(annotations)
        people = {}
        flags = any(value == 2 for entry in annotations for value in entry["keypoints"][2::3])
        for image_id, image in images.items():
            size = np.array([image["width"], image["height"]], np.float32)
            people[str(image["file_name"])] = _person(surest.get(image_id), size, flags)
        strangers = [entry for entry in surest if entry not in images]
    except OSError as error:
        raise BadInput(f"--keypoints {file} cannot be read ({error.strerror}); name a COCO JSON file") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"--keypoints {file} is not in COCO's keypoint format ({type(error).__name__}: {error}); it needs images "
            "with id, file_name, width, height, and annotations with image_id and 17 keypoints of x, y, v"
        ) from error
    if strangers:
        raise BadInput(f"--keypoints {file} has annotations of image {strangers[0]!r}, which it does not list; add it")
    return people


def _surest(annotations: Sequence[Mapping[str, Any]]) -> dict[Any, Mapping[str, Any]]:
    def rank(entry: Mapping[str, Any]) -> tuple[float, float]:
        box = entry.get("bbox", (0, 0, 0, 0))
        return float(entry.get("score", 1)), float(entry.get("area", box[2] * box[3]))

    surest: dict[Any, Mapping[str, Any]] = {}
    for entry in annotations:
        known = surest.get(entry["image_id"])
        if known is None or rank(entry) > rank(known):
            surest[entry["image_id"]] = entry
    return surest


def _person(entry: Mapping[str, Any] | None, size: NDArray[np.float32], flags: bool) -> NDArray[np.float32]:
    person = np.zeros((18, 3), np.float32)
    if entry is None:
        return person
    joints = np.array(entry["keypoints"], np.float32).reshape(17, 3)
    person[:17, :2] = joints[:, :2] / size
    person[:17, 2] = joints[:, 2] / (2 if flags else 1)
    person[17, 2] = entry.get("score", 1)
    confidences = person[:, 2]
    if not np.isfinite(person).all() or confidences.min() < 0 or confidences.max() > 1:
        raise ValueError(f"a coordinate, confidence or score of image {entry['image_id']!r} is out of range")
    return person


def _keypoints(file: Path, people: Mapping[str, NDArray[np.float32]], names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Rows for ``names``; a file may write the folders above an image or leave them out."""
    by_name = {PurePosixPath(name).name: person for name, person in people.items()}
    if len(by_name) < len(people) or any("/" in name for name in names):
        by_name = dict(people)
    missing = [name for name in names if name not in by_name]
    if missing:
        raise BadInput(
            f"--keypoints {file} does not list {len(missing)} of {len(names)} images ({', '.join(missing[:3])}); add "
            "them, without annotation where nobody was found"
        )
    rows = np.stack([by_name[name] for name in names])
    return {"keypoints": rows[:, :17], "presence": rows[:, 17, 2]}


def read_labels(file: Path) -> Labels:
    """The label map in a YAML or JSON file, such as ``{0: background, 13: head}``. Raises BadInput naming the file."""
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        labels = {int(label): PARTS[str(part).replace("_", " ").replace("-", " ")] for label, part in content.items()}
        outside = [label for label in labels if not 0 <= label <= GREATEST_LABEL]
        if outside:
            raise ValueError(f"no PNG holds the label {outside[0]}")
        return labels
    except OSError as error:
        raise BadInput(f"--labels {file} cannot be read ({error.strerror}); name a YAML or JSON file") from error
    except (KeyError, TypeError, ValueError, AttributeError, yaml.YAMLError) as error:
        raise BadInput(
            f"--labels {file} is not a label map ({error}); it maps each label to one of {', '.join(PARTS)}"
        ) from error


def _maps(folder: Path, labels: Labels | None, names: Sequence[str], progress: Progress) -> dict[str, NDArray[Any]]:
    files = [_png(folder, name) for name in names]
    missing = [name for name, file in zip(names, files, strict=True) if not file.is_file()]
    if missing:
        raise BadInput(
            f"--masks {folder} has no PNG for {len(missing)} of {len(names)} images ({', '.join(missing[:3])}); add "
            "them, all background where nobody was found"
        )
    maps = np.zeros((len(names), HEIGHT, WIDTH), np.uint8)
    for row, file in enumerate(files):
        maps[row] = _person_map(file) if labels is None else _part_map(file, labels)
        progress(row + 1, len(names))
    return {"mask": maps > 0} if labels is None else {"mask": maps > 0, "parsing": maps}


def _png(folder: Path, name: str) -> Path:
    replaced = (folder / name).with_suffix(".png")
    return replaced if replaced.is_file() else folder / f"{name}.png"


def _pixels(file: Path) -> NDArray[Any]:
    """The labels of a PNG, those in the middle of each of the 64 x 32 cells, and all that it has."""
    try:
        with Image.open(file) as image:
            pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"{file} cannot be decoded; write it again") from error
    if pixels.ndim != 2:
        raise BadInput(f"{file} is a colour picture; a mask or part map has one channel, of labels")
    return pixels


def _middles(pixels: NDArray[Any]) -> NDArray[Any]:
    """The pixel in the middle of each of 64 x 32 cells."""
    high, wide = pixels.shape
    rows = (np.arange(HEIGHT) * 2 + 1) * high // (2 * HEIGHT)
    columns = (np.arange(WIDTH) * 2 + 1) * wide // (2 * WIDTH)
    middles: NDArray[Any] = pixels[rows[:, None], columns]
    return middles


def _person_map(file: Path) -> NDArray[np.bool_]:
    pixels = _pixels(file)
    values = set(np.unique(pixels).tolist())
    if not (values <= {0, 1} or values <= {0, 255}):
        strange = sorted(values - {0, 255})[0]
        raise BadInput(f"{file} has the value {strange}; a mask has 0 and 255 (or 1), a part map needs --labels")
    return _middles(pixels) > 0


def _part_map(file: Path, labels: Labels) -> NDArray[np.uint8]:
    pixels = _pixels(file)
    strange = sorted(set(np.unique(pixels).tolist()) - set(labels))
    if strange:
        raise BadInput(f"{file} has the label {strange[0]}, which --labels does not map; add it there")
    part_of = np.zeros(max(labels) + 1, np.uint8)
    part_of[list(labels)] = list(labels.values())
    return part_of[_middles(pixels)]
