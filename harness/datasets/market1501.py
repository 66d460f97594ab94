"""Market-1501 (Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015) in its official layout.

Protocol: gallery boxes of identity -1 (junk) are removed. Boxes of identity 0 (distractors) are ranked as negatives.
Each query leaves out the gallery images of its own identity and camera. In multiple query, the hand-drawn boxes of
``gt_bbox`` with the query's identity and camera are pooled with the query.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

from harness.datasets.base import Dataset, DatasetSpec, Passport, Split
from harness.datasets.file_names import MARKET_NAME, NamedImage, list_named_images
from harness.datasets.find_folder import find_folder, require_folders
from harness.datasets.passport import content_digests, fingerprint, make_passport
from harness.errors import BadInput

JUNK = -1
DISTRACTOR = 0
NAMES = ("market1501v150915", "market1501", "market")
TRAIN, QUERY, TEST, HAND_DRAWN = "bounding_box_train", "query", "bounding_box_test", "gt_bbox"
EXAMPLE = "0002_c1s1_000451_03.jpg"
ARCHIVE_FOLDER = "Market-1501-v15.09.15"

PUBLISHED = {
    "train_images": 12_936,
    "train_ids": 751,
    "query_images": 3_368,
    "query_ids": 750,
    "gallery_images": 15_913,
    "gallery_ids": 750,
    "test_folder_images": 19_732,
    "distractor_images": 2_798,
    "junk_images": 3_819,
    "cameras": 6,
    "train_ids_in_test": 0,
}
PUBLISHED_MULTI_QUERY = PUBLISHED | {"extra_images": 25_259, "extra_ids": 1_501}

_OBTAIN = (
    "Get Market-1501-v15.09.15.zip (MD5 65005ab7d12ec1c44de4eeafe813e68a; for research only) from its authors' project "
    "page and extract it into the data root."
)

FolderImages = dict[str, list[NamedImage]]
"""The images of each folder, by the folder's name."""


def find(data_root: Path) -> Path | None:
    """The folder of Market-1501 under ``data_root`` (or that folder itself); None if it is not there."""
    return find_folder(data_root, NAMES, (TRAIN, QUERY, TEST))


def find_multi_query(data_root: Path) -> Path | None:
    """The folder of a Market-1501 with hand-drawn boxes; None if it is not there."""
    folder = find(data_root)
    return folder if folder is not None and (folder / HAND_DRAWN).is_dir() else None


def load(folder: Path) -> Dataset:
    """Market-1501 with single queries.

    Raises BadInput, naming the folder or file, if one is missing, empty, or not named as in Market-1501.
    """
    return _dataset("market1501", folder, _images(folder, (TRAIN, QUERY, TEST)), PUBLISHED)


def load_multi_query(folder: Path) -> Dataset:
    """Market-1501 with the hand-drawn boxes of ``gt_bbox`` as ``extra``, pooled with the queries they belong to.

    Raises BadInput as ``load`` does, and if a query has no such box.
    """
    images = _images(folder, (TRAIN, QUERY, TEST, HAND_DRAWN))
    return replace(
        _dataset("market1501_multi_query", folder, images, PUBLISHED_MULTI_QUERY),
        extra=_split(HAND_DRAWN, images[HAND_DRAWN]),
        multi_query=_pool_with_queries(folder, images[QUERY], images[HAND_DRAWN]),
    )


MARKET1501 = DatasetSpec("market1501", "Market-1501", PUBLISHED, find, load, obtain=_OBTAIN)
MARKET1501_MULTI_QUERY = DatasetSpec(
    "market1501_multi_query",
    "Market-1501, multiple query",
    PUBLISHED_MULTI_QUERY,
    find_multi_query,
    load_multi_query,
    trained_as="market1501",
    tested_as="market1501",
    protocol="market1501_multi_query",
    obtain=f"It needs the folder {HAND_DRAWN}, which some copies leave out. {_OBTAIN}",
)


def _images(root: Path, folders: tuple[str, ...]) -> FolderImages:
    require_folders("Market-1501", root, folders, f"{ARCHIVE_FOLDER}/{{{','.join(folders)}}}/{EXAMPLE}")
    images = {name: list_named_images(root / name, MARKET_NAME, EXAMPLE) for name in folders}
    for name in (TRAIN, QUERY):
        unlabelled = [image.name for image in images[name] if image.identity in (JUNK, DISTRACTOR)]
        if unlabelled:
            raise BadInput(
                f"{root / name} holds {len(unlabelled)} image(s) of identity -1 or 0, which belong in {TEST} only: "
                f"{', '.join(unlabelled[:3])}; move them there"
            )
    return images


def _dataset(dataset: str, root: Path, images: FolderImages, published: dict[str, int]) -> Dataset:
    junk = [image for image in images[TEST] if image.identity == JUNK]
    return Dataset(
        id=dataset,
        root=root,
        train=_split(TRAIN, images[TRAIN]),
        query=_split(QUERY, images[QUERY]),
        gallery=_split(TEST, [image for image in images[TEST] if image.identity != JUNK]),
        passport=_passport(dataset, root, images, published),
        junk=_split(TEST, junk) if junk else None,
    )


def _split(folder: str, images: list[NamedImage]) -> Split:
    import numpy as np

    return Split(
        names=tuple(f"{folder}/{image.name}" for image in images),
        identities=np.array([image.identity for image in images], dtype=np.int64),
        cameras=np.array([image.camera for image in images], dtype=np.int64),
    )


def _passport(dataset: str, root: Path, images: FolderImages, published: dict[str, int]) -> Passport:
    files = [
        (f"{folder}/{image.name}", digest, image.identity, image.camera)
        for folder, inside in images.items()
        for image, digest in zip(inside, content_digests(root / folder, [image.name for image in inside]), strict=True)
    ]
    return make_passport(dataset, fingerprint(files), _counts(images), published, _remarks(images))


def _people(images: list[NamedImage]) -> set[int]:
    return {image.identity for image in images} - {JUNK, DISTRACTOR}


def _counts(images: FolderImages) -> dict[str, int]:
    test = Counter(image.identity for image in images[TEST])
    counts = {
        "train_images": len(images[TRAIN]),
        "train_ids": len(_people(images[TRAIN])),
        "query_images": len(images[QUERY]),
        "query_ids": len(_people(images[QUERY])),
        "gallery_images": len(images[TEST]) - test[JUNK],
        "gallery_ids": len(_people(images[TEST])),
        "test_folder_images": len(images[TEST]),
        "distractor_images": test[DISTRACTOR],
        "junk_images": test[JUNK],
        "cameras": len({image.camera for inside in images.values() for image in inside}),
        "train_ids_in_test": len(_people(images[TRAIN]) & (_people(images[QUERY]) | _people(images[TEST]))),
    }
    if HAND_DRAWN in images:
        counts |= {"extra_images": len(images[HAND_DRAWN]), "extra_ids": len(_people(images[HAND_DRAWN]))}
    return counts


def _remarks(images: FolderImages) -> list[str]:
    sizes = Counter(image.identity for image in images[TRAIN])
    single = sorted(identity for identity, count in sizes.items() if count == 1)
    if not single:
        return []
    first = ", ".join(f"{identity:04d}" for identity in single[:3])
    return [f"Training identities with one image only, which form no positive pair: {len(single)} (first: {first})."]


def _pool_with_queries(
    root: Path, queries: list[NamedImage], hand_drawn: list[NamedImage]
) -> tuple[tuple[int, ...], ...]:
    """Rows of the hand-drawn boxes of each query."""
    rows: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row, image in enumerate(hand_drawn):
        rows[image.identity, image.camera].append(row)
    alone = [image.name for image in queries if (image.identity, image.camera) not in rows]
    if alone:
        raise BadInput(
            f"{root / HAND_DRAWN} has no box of the same identity and camera for {len(alone)} queries "
            f"({', '.join(alone[:3])}); extract {HAND_DRAWN} from the original archive again"
        )
    return tuple(tuple(rows[image.identity, image.camera]) for image in queries)
