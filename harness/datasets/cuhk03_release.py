"""The original release of CUHK03: one MATLAB file of images, and the configuration file of the 767/700 split.

``cuhk-03.mat`` holds five camera pairs for ``detected`` and for ``labeled`` boxes. A pair is a table of persons x 10
images; some entries are empty. ``cuhk03_new_protocol_config_<boxes>.mat`` lists the images of the split as
``pair_person_view_image`` (``1_001_1_01.png``), with the label and the camera of each, and the rows, from 1, of the
training set, queries and gallery.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from harness.datasets.file_names import NamedImage
from harness.datasets.make_once import make_once
from harness.datasets.market_layout import FOLDERS
from harness.datasets.passport import content_digests
from harness.errors import BadInput
from harness.files.hashing import canonical_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAT = "cuhk-03.mat"
LISTED = re.compile(r"(?P<pair>[1-5])_(?P<person>\d{3})_[12]_(?P<image>\d{2})\.png")
INDICES = {"train": "train_idx", "query": "query_idx", "gallery": "gallery_idx"}
FIX = "extract it from the original archive again"


@dataclass(frozen=True)
class Release:
    """Images of each split, as PNG files under ``root``. ``fingerprint`` covers the two files they are made from."""

    root: Path
    images: Mapping[str, list[NamedImage]]
    fingerprint: str


@dataclass(frozen=True)
class ListedImage:
    """An image of the split: its pair, person and column in ``cuhk-03.mat``, from 0, and its PNG file."""

    pair: int
    person: int
    column: int
    png: NamedImage


def extract_release(mat: Path, folder: Path, boxes: str) -> Release:
    """Write the images of ``mat`` to the cache folder, once, in the layout of CUHK03-NP.

    The configuration file lies in ``folder`` or beside ``mat``; ``boxes`` is ``detected`` or ``labeled``. Raises
    BadInput if it is not there, if h5py or scipy is not installed, and if either file is not as released.
    """
    h5py, scipy_io = _import_readers(mat)
    name = f"cuhk03_new_protocol_config_{boxes}.mat"
    configuration = next((file for file in (folder / name, mat.with_name(name)) if file.is_file()), None)
    if configuration is None:
        raise BadInput(f"{mat.parent} lacks {name}, the 767/700 split of Zhong et al.; put it beside {MAT}")
    listed = _read_configuration(configuration, scipy_io)
    digests = [content_digests(file.parent, [file.name])[0] for file in (mat, configuration)]
    fingerprint = canonical_hash({MAT: digests[0], name: digests[1]}, 64)
    root = make_once(f"cuhk03/{boxes}-{fingerprint[:16]}", lambda target: _write(target, mat, boxes, listed, h5py))
    return Release(root, {split: [image.png for image in rows] for split, rows in listed.items()}, fingerprint)


def _import_readers(mat: Path) -> tuple[ModuleType, ModuleType]:
    try:
        return import_module("h5py"), import_module("scipy.io")
    except ImportError as error:
        raise BadInput(
            f"reading {mat} needs {error.name}; install it with pip install 'reid-tables[cuhk03]', or use the folders "
            "of CUHK03-NP"
        ) from error


def _read_configuration(configuration: Path, scipy_io: ModuleType) -> dict[str, list[ListedImage]]:
    """The images of each split. Raises BadInput, naming the file, if it is not the configuration of the split."""
    import numpy as np

    try:
        content = scipy_io.loadmat(configuration, squeeze_me=True)
        names, labels, cameras = content["filelist"], content["labels"], content["camId"]
        rows = {split: np.atleast_1d(content[key]).astype(np.int64) - 1 for split, key in INDICES.items()}
        return {
            split: [_parse(str(names[row]), FOLDERS[split], int(labels[row]), int(cameras[row]), row) for row in chosen]
            for split, chosen in rows.items()
        }
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        raise BadInput(f"{configuration} is not a CUHK03 configuration ({error}); {FIX}") from error


def _parse(name: str, folder: str, label: int, camera: int, row: int) -> ListedImage:
    match = LISTED.fullmatch(name)
    if match is None:
        raise ValueError(f"image {name!r} is not named as 1_001_1_01.png")
    png = NamedImage(f"{folder}/{label:04d}_c{camera}_{row + 1}.png", label, camera)
    return ListedImage(int(match["pair"]) - 1, int(match["person"]) - 1, int(match["image"]) - 1, png)


def _write(target: Path, mat: Path, boxes: str, listed: Mapping[str, list[ListedImage]], h5py: ModuleType) -> None:
    import numpy as np
    from PIL import Image

    for folder in FOLDERS.values():
        (target / folder).mkdir()
    everything = [image for rows in listed.values() for image in rows]
    for image, pixels in zip(everything, _read_pixels(mat, boxes, everything, h5py), strict=True):
        # MATLAB stores columns first, so HDF5 shows an image as (3, width, height).
        picture = Image.fromarray(np.ascontiguousarray(pixels.T))
        picture.save(target / image.png.name, compress_level=1)


def _read_pixels(mat: Path, boxes: str, listed: list[ListedImage], h5py: ModuleType) -> Iterator[NDArray[np.uint8]]:
    """Pixels of each listed image, (3, width, height)."""
    try:
        with h5py.File(mat, "r") as file:
            pairs = [file[reference][()] for reference in file[boxes][0]]
            for image in listed:
                pixels = file[pairs[image.pair][image.column, image.person]][()]
                if pixels.ndim != 3 or pixels.shape[0] != 3:
                    raise ValueError(f"image {image.column + 1} of person {image.person + 1} is empty")
                yield pixels
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise BadInput(f"{mat} does not hold the {boxes} images of CUHK03 ({error}); {FIX}") from error
