"""Datasets of the papers' tables that no loader reads yet: what is published of them and how a user gets them."""

from __future__ import annotations

from harness.datasets.base import DatasetSpec

_WITHDRAWN = (
    "DukeMTMC was withdrawn by its authors in 2019 and nothing here fetches it; use a copy of your own only if your "
    "institution permits."
)
_CUHK03 = "Ask the authors for cuhk03_release.zip (research only) and convert it to the 767/700 protocol (cuhk03-np)."
_SYSU = "Sign the agreement of the SYSU-MM01 authors and send it by e-mail; the images may not be passed on."
_REGDB = "Send the signed copyright form of RegDB to its authors at Dongguk University."


def _counts(
    train: tuple[int, int] | None, query: tuple[int, int], gallery: tuple[int, int], cameras: int | None = None
) -> dict[str, int]:
    """Published counts from (images, identities) of each split; None where the dataset has none of its own."""
    counts: dict[str, int] = {}
    for split_name, pair in (("train", train), ("query", query), ("gallery", gallery)):
        if pair is not None:
            counts |= {f"{split_name}_images": pair[0], f"{split_name}_ids": pair[1]}
    if cameras is not None:
        counts["cameras"] = cameras
    return counts


_DUKE_COUNTS = _counts((16_522, 702), (2_228, 702), (17_661, 1_110), cameras=8)
_CUHK03_DETECTED_COUNTS = _counts((7_365, 767), (1_400, 700), (5_332, 700), cameras=2)
_REGDB_COUNTS = _counts((4_120, 206), (2_060, 206), (2_060, 206), cameras=2)

WITHOUT_LOADER = (
    # Ristani et al., ECCV Workshops 2016; Zheng et al., ICCV 2017.
    DatasetSpec("dukemtmc", "DukeMTMC-reID", _DUKE_COUNTS, obtain=_WITHDRAWN),
    # Li et al., CVPR 2014, in the split of Zhong et al., CVPR 2017.
    DatasetSpec("cuhk03_detected", "CUHK03, detected boxes", _CUHK03_DETECTED_COUNTS, obtain=_CUHK03),
    DatasetSpec(
        "cuhk03_labeled",
        "CUHK03, labelled boxes",
        _counts((7_368, 767), (1_400, 700), (5_328, 700), cameras=2),
        obtain=_CUHK03,
    ),
    # RMGL's cross-dataset table names neither boxes nor split; detected boxes of the 767/700 split are taken for it.
    DatasetSpec(
        "cuhk03", "CUHK03, boxes not named", _CUHK03_DETECTED_COUNTS, trained_as="cuhk03_detected", obtain=_CUHK03
    ),
    # Wei et al., CVPR 2018; training is list_train and list_val together.
    DatasetSpec(
        "msmt17",
        "MSMT17",
        _counts((32_621, 1_041), (11_659, 3_060), (82_161, 3_060), cameras=15),
        obtain="Ask the MSMT17 authors by e-mail, and keep the four list files beside the images.",
    ),
    # Miao et al., ICCV 2019.
    DatasetSpec(
        "occluded_duke",
        "Occluded-Duke",
        _counts((15_618, 702), (2_210, 519), (17_661, 1_110), cameras=8),
        obtain=_WITHDRAWN,
    ),
    # Zhuo et al., ICME 2018.
    DatasetSpec(
        "occluded_reid",
        "Occluded-REID",
        _counts(None, (1_000, 200), (1_000, 200)),
        trained_as="market1501",
        obtain="Sign the user agreement of the Occluded-REID authors.",
    ),
    # Zheng et al., ICCV 2015.
    DatasetSpec(
        "partial_reid",
        "Partial-REID",
        _counts(None, (300, 60), (300, 60)),
        trained_as="market1501",
        obtain="Ask the Partial-REID authors.",
    ),
    # Zheng et al., CVPR 2011, as cropped by He et al., CVPR 2018.
    DatasetSpec(
        "partial_ilids",
        "Partial-iLIDS",
        _counts(None, (119, 119), (119, 119)),
        trained_as="market1501",
        obtain="Ask the authors of the Partial-iLIDS crops.",
    ),
    # PGFL-KD, Sec. 4.1: made by its authors from DukeMTMC-reID and not published.
    DatasetSpec("partial_duke", "Partial-Duke", _DUKE_COUNTS, obtain=_WITHDRAWN),
    # Van Zandycke et al., DeepSportradar-v1, MMSports 2022.
    DatasetSpec(
        "synergyreid",
        "SynergyReID",
        _counts((8_569, 436), (50, 50), (910, 50)),
        obtain="Get synergyreid_data.zip from the DeepSportradar player re-identification challenge.",
    ),
    # Wu et al., ICCV 2017; single-shot gallery. Indoor search ranks the two indoor cameras of the same training.
    DatasetSpec(
        "sysu_all",
        "SYSU-MM01, all search",
        _counts((34_167, 395), (3_803, 96), (301, 96), cameras=6),
        protocol="sysu_all",
        obtain=_SYSU,
    ),
    DatasetSpec(
        "sysu_indoor",
        "SYSU-MM01, indoor search",
        _counts((34_167, 395), (3_803, 96), (112, 96), cameras=6),
        trained_as="sysu_all",
        protocol="sysu_indoor",
        obtain=_SYSU,
    ),
    # Nguyen et al., Sensors 2017; one of ten trials, both directions of one training.
    DatasetSpec(
        "regdb_visible_to_infrared",
        "RegDB, visible to infrared",
        _REGDB_COUNTS,
        protocol="regdb",
        obtain=_REGDB,
    ),
    DatasetSpec(
        "regdb_infrared_to_visible",
        "RegDB, infrared to visible",
        _REGDB_COUNTS,
        trained_as="regdb_visible_to_infrared",
        protocol="regdb",
        obtain=_REGDB,
    ),
)
