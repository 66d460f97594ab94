"""DukeMTMC-reID (Ristani et al., ECCV Workshops 2016; Zheng et al., ICCV 2017).

Protocol: as Market-1501. The gallery has 1,110 identities. One camera only saw 408 of them, and no query shows these.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.datasets.assemble import assemble, inspect_images
from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.find_folder import find_folder
from harness.datasets.market_layout import FOLDERS, list_market_images

NAME = re.compile(r"(?P<identity>\d{4})_c(?P<camera>[1-8])_f\d{7}\.jpg")
EXAMPLE = "0001_c2_f0046182.jpg"
WITHDRAWN = (
    "DukeMTMC was withdrawn by its authors in 2019 and nothing here fetches it; use a copy of your own only if your "
    "institution permits."
)
PUBLISHED = {
    "train_images": 16_522,
    "train_ids": 702,
    "query_images": 2_228,
    "query_ids": 702,
    "gallery_images": 17_661,
    "gallery_ids": 1_110,
    "cameras": 8,
    "train_ids_in_test": 0,
}


def find(data_root: Path) -> Path | None:
    """The folder of DukeMTMC-reID under ``data_root``; None if it is not there."""
    return find_folder(data_root, ("dukemtmcreid", "dukemtmc", "duke"), list(FOLDERS.values()))


def load(folder: Path) -> Dataset:
    """DukeMTMC-reID. Raises BadInput, naming the folder or file, if one is missing, empty or misnamed."""
    images = list_market_images("DukeMTMC-reID", folder, "DukeMTMC-reID", NAME, EXAMPLE)
    return assemble("dukemtmc", folder, images, inspect_images("dukemtmc", folder, images, PUBLISHED, [WITHDRAWN]))


DUKEMTMC = DatasetSpec("dukemtmc", "DukeMTMC-reID", PUBLISHED, find, load, obtain=WITHDRAWN)
