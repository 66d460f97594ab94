"""The source of each dataset: a public archive, a page with a form to sign, or none if it was withdrawn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublicArchive:
    """An archive that anyone may download.

    ``url`` is for gdown. ``name`` is the archive's file name, ``folder`` the name of its content under the data root.
    ``md5s`` are the published MD5 sums of its editions; empty if nobody published one.
    """

    url: str
    name: str
    folder: str
    md5s: tuple[str, ...] = ()


# MD5 published by open-reid's loader.
_MARKET1501 = PublicArchive(
    "https://drive.google.com/uc?id=0B8-rUzbwVRk0c054eEozWG9COHM",
    "Market-1501-v15.09.15.zip",
    "Market-1501-v15.09.15",
    ("65005ab7d12ec1c44de4eeafe813e68a",),
)

# The 767/700 split as folders, from the authors of Zhong et al., CVPR 2017.
_CUHK03_NP = PublicArchive(
    "https://drive.google.com/uc?id=1pBCIAGSZ81pgvqjC-lUHtl0OYV1icgkz", "cuhk03-np.zip", "cuhk03-np"
)

# Every edition has the same training and test images, but another hidden challenge set. The sums stand in the loaders
# of the 2022 and 2023 challenges and of the 2022 winners.
_SYNERGYREID = PublicArchive(
    "https://github.com/DeepSportradar/player-reidentification-challenge/raw/HEAD/"
    "baseline/data/synergyreid/raw/synergyreid_data.zip",
    "synergyreid_data.zip",
    "data_reid",
    (
        "2a1cdbd10d2b8f0da6575e3581343e31",
        "05715857791e2e88b2f11e4037fbec7d",
        "5d5ed61964dfd10b5da46de09d2db628",
    ),
)

PUBLIC: dict[str, PublicArchive] = {
    "market1501": _MARKET1501,
    "market1501_multi_query": _MARKET1501,
    "cuhk03": _CUHK03_NP,
    "cuhk03_detected": _CUHK03_NP,
    "cuhk03_labeled": _CUHK03_NP,
    "synergyreid": _SYNERGYREID,
}
"""Datasets that can be fetched."""

PAGES: dict[str, str] = {
    "msmt17": "https://www.pkuvmc.com/dataset.html",
    "occluded_reid": "https://github.com/tinajia2012/ICME2018_Occluded-Person-Reidentification_datasets",
    "partial_reid": "https://github.com/JDAI-CV/Partial-Person-ReID",
    "partial_ilids": "https://github.com/JDAI-CV/Partial-Person-ReID",
    "sysu": "https://github.com/wuancong/SYSU-MM01",
    "regdb": "http://dm.dongguk.edu/link.html",
}
"""Pages of datasets that are given on request, by the first letters of the dataset's id.

``DatasetSpec.obtain`` says what to sign or to ask there.
"""

WITHDRAWN = frozenset({"dukemtmc", "occluded_duke", "partial_duke"})
"""DukeMTMC, taken down by its authors in 2019, and datasets made of its images. They are never fetched."""


def page(dataset_id: str) -> str:
    """The page on which to ask for a dataset; empty if none is known."""
    return next((address for start, address in PAGES.items() if dataset_id.startswith(start)), "")
