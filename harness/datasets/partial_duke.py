"""Partial-Duke: DukeMTMC-reID with half of its images cut to their upper part (PGFL-KD, Sec. 4.1).

In training set, queries and gallery alike, half of the images stay whole, a quarter is cut to the upper half and a
quarter to the upper third. The paper does not say which images were cut, and no list was published. Here they are drawn
with a fixed seed, so the figures are not strictly comparable with the paper's Table 4.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

from harness.datasets import dukemtmc
from harness.datasets.assemble import Images, assemble, count_images, remark_on_single_images
from harness.datasets.base import Dataset, DatasetSpec, Passport, Split
from harness.datasets.file_names import NamedImage
from harness.datasets.make_once import make_once
from harness.datasets.passport import count_differences, make_passport
from harness.errors import BadInput
from harness.files.hashing import canonical_hash

SEED = 0
SPLITS = ("train", "query", "gallery")
UPPER_HALF, UPPER_THIRD = 2, 3
"""A cut image keeps its upper height // divisor rows, at full width."""

OWN_DRAW = f"which images are cut was drawn here with seed {SEED}, the authors' choice is not published"


def load(folder: Path) -> Dataset:
    """Partial-Duke, made from the DukeMTMC-reID in ``folder`` and kept in the cache folder.

    Raises BadInput as the loader of DukeMTMC-reID does, and for an image that cannot be decoded, which it names.
    """
    whole = dukemtmc.load(folder)
    cuts = {split: draw_cuts(getattr(whole, split).names) for split in SPLITS}
    fingerprint = canonical_hash({"dukemtmc": whole.passport.fingerprint, "seed": SEED, "cuts": cuts}, 64)
    made = make_once(f"partial_duke/{fingerprint[:16]}", lambda target: _write(target, whole, cuts))
    images = {split: _images(getattr(whole, split), cuts[split]) for split in SPLITS}
    _require_whole(made, images)
    return assemble("partial_duke", made, images, _passport(fingerprint, images))


def draw_cuts(names: Sequence[str]) -> dict[str, int]:
    """Draw the images of a split to be cut: name -> divisor of the height. The order of ``names`` does not matter.

    The sorted names are shuffled. The first half of them (rounded down) is cut: half of these to the upper half, the
    others to the upper third.
    """
    import numpy as np

    ordered = sorted(names)
    shuffled = [ordered[row] for row in np.random.default_rng(SEED).permutation(len(ordered))]
    cut = shuffled[: len(ordered) // 2]
    return {name: UPPER_HALF if place < len(cut) // 2 else UPPER_THIRD for place, name in enumerate(cut)}


def _passport(fingerprint: str, images: Images) -> Passport:
    # The fingerprint covers DukeMTMC-reID and the cuts, not the files made here: their bytes, though not their pixels,
    # change with the version of the PNG library.
    remarks = [dukemtmc.WITHDRAWN, *remark_on_single_images(images)]
    found = count_images(images, dukemtmc.PUBLISHED)
    passport = make_passport("partial_duke", fingerprint, found, dukemtmc.PUBLISHED, remarks)
    differences = [*count_differences(found, dukemtmc.PUBLISHED), OWN_DRAW]
    return replace(passport, variant="differs: " + "; ".join(differences), official=False)


def _images(split: Split, cuts: Mapping[str, int]) -> list[NamedImage]:
    rows = zip(split.names, split.identities.tolist(), split.cameras.tolist(), strict=True)
    return [NamedImage(_made_name(name, cuts), identity, camera) for name, identity, camera in rows]


def _made_name(name: str, cuts: Mapping[str, int]) -> str:
    """Cut images are saved as PNG, which loses nothing. Whole images are copied."""
    return str(PurePosixPath(name).with_suffix(".png")) if name in cuts else name


def _write(target: Path, whole: Dataset, cuts: Mapping[str, Mapping[str, int]]) -> None:
    for split in SPLITS:
        names = getattr(whole, split).names
        for parent in {PurePosixPath(name).parent for name in names}:
            (target / parent).mkdir()
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            jobs = [pool.submit(_make_image, whole.root, target, name, cuts[split]) for name in names]
            for job in jobs:
                job.result()
    (target / "cuts.json").write_text(json.dumps({"seed": SEED, "height divided by": cuts}, indent=1) + "\n")


def _make_image(source: Path, target: Path, name: str, cuts: Mapping[str, int]) -> None:
    from PIL import Image

    if name not in cuts:
        shutil.copyfile(source / name, target / name)
        return
    try:
        with Image.open(source / name) as image:
            upper = image.convert("RGB").crop((0, 0, image.width, max(1, image.height // cuts[name])))
    except (OSError, SyntaxError, ValueError) as error:
        raise BadInput(f"{source / name} cannot be decoded; replace it from the original archive") from error
    upper.save(target / _made_name(name, cuts), compress_level=1)


def _require_whole(made: Path, images: Images) -> None:
    for inside in images.values():
        for folder in {PurePosixPath(image.name).parent for image in inside}:
            there = set(os.listdir(made / folder)) if (made / folder).is_dir() else set()
            if not {PurePosixPath(image.name).name for image in inside} <= there:
                raise BadInput(f"images are missing from {made / folder}; delete {made} to have them made again")


PARTIAL_DUKE = DatasetSpec(
    "partial_duke",
    "Partial-Duke",
    dukemtmc.PUBLISHED,
    dukemtmc.find,
    load,
    obtain=dukemtmc.WITHDRAWN,
    stand_in="synthetic_partial",
)
