"""The three folders of Market-1501. DukeMTMC-reID, CUHK03-NP and Occluded-Duke come in the same layout."""

from __future__ import annotations

import re
from pathlib import Path

from harness.datasets.assemble import prefix_folder
from harness.datasets.file_names import NamedImage, list_named_images
from harness.datasets.find_folder import require_folders

FOLDERS = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}


def list_market_images(
    title: str, root: Path, place: str, pattern: re.Pattern[str], example: str
) -> dict[str, list[NamedImage]]:
    """The images of each split.

    Args:
        title: The dataset's name, for messages.
        root: The folder that holds the three.
        place: The usual name of ``root``, for messages.
        pattern: Matches a whole file name, with the groups identity and camera.
        example: A file name, for messages.

    Raises:
        BadInput: A folder or file is missing, empty, or does not match ``pattern``.
    """
    require_folders(title, root, list(FOLDERS.values()), f"{place}/{{{','.join(FOLDERS.values())}}}/{example}")
    return {
        split: prefix_folder(folder, list_named_images(root / folder, pattern, example))
        for split, folder in FOLDERS.items()
    }
