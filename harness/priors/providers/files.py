"""Priors written by another tool: keypoints in COCO's JSON format, and one PNG per image with a mask or a part map."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from PIL import Image

from harness.errors import BadInput
from harness.files.hashing import file_digest
from harness.priors.naming import image_names
from harness.priors.parsing import BACKGROUND, HEAD, HEIGHT, LEFT_LEG, RIGHT_LEG, TORSO, WIDTH
from harness.priors.providers.base import Provider
from harness.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from harness.datasets.base import Split

PARTS = {"background": BACKGROUND, "head": HEAD, "torso": TORSO, "left leg": LEFT_LEG, "right leg": RIGHT_LEG}
"""Names of parts in a label map. The torso includes the arms; left and right are the person's own."""

GREATEST_LABEL = 65_535
"""The greatest value of a PNG's pixel."""

Labels = Mapping[int, int]
"""Label in a PNG -> label of a part map."""


def from_files(keypoints: Path | None, masks: Path | None, labels: Path | None) -> Provider:
    """Keypoints of the COCO JSON file ``keypoints``, and masks or part maps of the PNG folder ``masks``.

    A PNG has its image's name, with ``.png`` in place of the suffix or after it. Without ``labels`` its pixels are 0
    (background) and 1 or 255 (person). With ``labels``, a YAML or JSON file that maps each label to one of ``PARTS``,
    its pixels are labels. Raises BadInput for malformed files, and for images that the files lack.
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
            found |= _match_people(keypoints, people, image_names(split))
        if masks is not None:
            found |= _read_maps(masks, label_map, image_names(split), progress)
        return found

    return Provider(_statement(keypoints, masks, labels), arrays, observe)


def _statement(keypoints: Path | None, masks: Path | None, labels: Path | None) -> str:
    sources = []
    if keypoints is not None:
        sources.append(f"COCO keypoints {keypoints.name} (SHA-256 {file_digest(keypoints)[:12]})")
    if masks is not None:
        sources.append(f"PNGs of the folder {masks.resolve().name}")
    if labels is not None:
        sources.append(f"label map {labels.name} (SHA-256 {file_digest(labels)[:12]})")
    return "files: " + ", ".join(sources)


def read_coco(file: Path) -> dict[str, NDArray[np.float32]]:
    """The best person of each image in a COCO keypoint file, by the image's ``file_name``: (18, 3).

    The first 17 rows are the keypoints as in ``Provider``. The last row holds the presence in its third column: the
    annotation's ``score`` (1 without a score), or 0 for an image without annotation. The best person has the greatest
    score, then the greatest area. If the third number of any keypoint is 2, all are COCO's visibilities (0 not
    labelled, 1 hidden, 2 visible) and become confidences 0, 0.5 and 1; else they are confidences already. Raises
    BadInput, naming the file and the wrong entry.
    """
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        images = {image["id"]: image for image in content["images"]}
        annotations = [entry for entry in content["annotations"] if entry.get("keypoints")]
        best = _choose_best(annotations)
        people = {}
        flags = any(value == 2 for entry in annotations for value in entry["keypoints"][2::3])
        for image_id, image in images.items():
            size = np.array([image["width"], image["height"]], np.float32)
            people[str(image["file_name"])] = _read_person(best.get(image_id), size, flags)
        unlisted = [image_id for image_id in best if image_id not in images]
    except OSError as error:
        raise BadInput(f"--keypoints {file} cannot be read ({error.strerror}); name a COCO JSON file") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadInput(
            f"--keypoints {file} is not in COCO's keypoint format ({type(error).__name__}: {error}); it needs images "
            "with id, file_name, width, height, and annotations with image_id and 17 keypoints of x, y, v"
        ) from error
    if unlisted:
        raise BadInput(f"--keypoints {file} has annotations of image {unlisted[0]!r}, which it does not list; add it")
    return people


def _choose_best(annotations: Sequence[Mapping[str, Any]]) -> dict[Any, Mapping[str, Any]]:
    """The best annotation of each image, by image id."""

    def rank(entry: Mapping[str, Any]) -> tuple[float, float]:
        box = entry.get("bbox", (0, 0, 0, 0))
        return float(entry.get("score", 1)), float(entry.get("area", box[2] * box[3]))

    best: dict[Any, Mapping[str, Any]] = {}
    for entry in annotations:
        known = best.get(entry["image_id"])
        if known is None or rank(entry) > rank(known):
            best[entry["image_id"]] = entry
    return best


def _read_person(entry: Mapping[str, Any] | None, size: NDArray[np.float32], flags: bool) -> NDArray[np.float32]:
    """One person as (18, 3). ``size`` is the image's (width, height); ``flags`` says that v is a visibility."""
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


def _match_people(
    file: Path, people: Mapping[str, NDArray[np.float32]], names: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Keypoints and presence of each of ``names``. The file may leave out the folders above an image."""
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


def _read_maps(
    folder: Path, labels: Labels | None, names: Sequence[str], progress: Progress
) -> dict[str, NDArray[Any]]:
    files = [_png_of(folder, name) for name in names]
    missing = [name for name, file in zip(names, files, strict=True) if not file.is_file()]
    if missing:
        raise BadInput(
            f"--masks {folder} has no PNG for {len(missing)} of {len(names)} images ({', '.join(missing[:3])}); add "
            "them, all background where nobody was found"
        )
    maps = np.zeros((len(names), HEIGHT, WIDTH), np.uint8)
    for row, file in enumerate(files):
        maps[row] = _read_mask(file) if labels is None else _read_part_map(file, labels)
        progress(row + 1, len(names))
    return {"mask": maps > 0} if labels is None else {"mask": maps > 0, "parsing": maps}


def _png_of(folder: Path, name: str) -> Path:
    replaced = (folder / name).with_suffix(".png")
    return replaced if replaced.is_file() else folder / f"{name}.png"


def _read_pixels(file: Path) -> NDArray[Any]:
    """All pixels of a PNG with one channel, (rows, columns)."""
    try:
        with Image.open(file) as image:
            pixels = np.asarray(image)
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"{file} cannot be decoded; write it again") from error
    if pixels.ndim != 2:
        raise BadInput(f"{file} is a colour picture; a mask or part map has one channel, of labels")
    return pixels


def _reduce(pixels: NDArray[Any]) -> NDArray[Any]:
    """The middle pixel of each of 64 x 32 cells."""
    high, wide = pixels.shape
    rows = (np.arange(HEIGHT) * 2 + 1) * high // (2 * HEIGHT)
    columns = (np.arange(WIDTH) * 2 + 1) * wide // (2 * WIDTH)
    middles: NDArray[Any] = pixels[rows[:, None], columns]
    return middles


def _read_mask(file: Path) -> NDArray[np.bool_]:
    pixels = _read_pixels(file)
    values = set(np.unique(pixels).tolist())
    if not (values <= {0, 1} or values <= {0, 255}):
        strange = sorted(values - {0, 255})[0]
        raise BadInput(f"{file} has the value {strange}; a mask has 0 and 255 (or 1), a part map needs --labels")
    return _reduce(pixels) > 0


def _read_part_map(file: Path, labels: Labels) -> NDArray[np.uint8]:
    pixels = _read_pixels(file)
    strange = sorted(set(np.unique(pixels).tolist()) - set(labels))
    if strange:
        raise BadInput(f"{file} has the label {strange[0]}, which --labels does not map; add it there")
    part_of = np.zeros(max(labels) + 1, np.uint8)
    part_of[list(labels)] = list(labels.values())
    return part_of[_reduce(pixels)]
