"""The three folders of Market-1501, in which DukeMTMC-reID, CUHK03-NP and Occluded-Duke are passed on too."""

from __future__ import annotations

import re
from pathlib import Path

from harness.datasets.assemble import within
from harness.datasets.file_names import NamedImage, named_images
from harness.datasets.find_folder import require_folders

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}


def images_in(
    title: str, root: Path, place: str, pattern: re.Pattern[str], example: str
) -> dict[str, list[NamedImage]]:
    """The images of each split. ``place`` is what ``root`` is usually called, ``example`` a file name.

    Raises BadInput naming the folder or file when one is missing, empty, or not named as ``pattern`` says.
    """
    require_folders(title, root, list(FOLDERS.values()), f"{place}/{{{','.join(FOLDERS.values())}}}/{example}")
    return {split: within(folder, named_images(root / folder, pattern, example)) for split, folder in FOLDERS.items()}
