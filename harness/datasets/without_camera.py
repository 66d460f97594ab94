"""Image files whose names say an identity and no camera.

Datasets without camera labels are scored with every gallery image kept: all queries are given one camera and the
gallery another, so that the camera rule finds nothing to remove (reading the second number of a name as a camera would
remove matches).
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.datasets.assemble import within
from harness.datasets.file_names import IMAGE_SUFFIXES, NamedImage
from harness.datasets.find_folder import require_folders
from harness.errors import BadInput

QUERY_CAMERA, GALLERY_CAMERA = 0, 1


def images_of_one_camera(
    root: Path, folder: str, pattern: re.Pattern[str], camera: int, example: str
) -> list[NamedImage]:
    """The images in ``root/folder`` and its sub-folders, where ``pattern`` with its group identity is a whole name.

    A sub-folder called by a number is the folder of that identity. Files that are not images and hidden ones are left
    out. Raises BadInput for a folder without images, and for images with other names or in another identity's folder:
    counted, with the first three named and ``example`` as the form expected.
    """
    images, strays = [], []
    for file in sorted((root / folder).rglob("*")):
        if file.name.startswith(".") or file.suffix.lower() not in IMAGE_SUFFIXES or not file.is_file():
            continue
        match = pattern.fullmatch(file.name)
        above = file.parent.name if file.parent != root / folder else ""
        if match and (not above.isdecimal() or int(above) == int(match["identity"])):
            images.append(NamedImage(file.relative_to(root / folder).as_posix(), int(match["identity"]), camera))
        else:
            strays.append(file.relative_to(root / folder).as_posix())
    if strays:
        raise BadInput(
            f"{root / folder} holds {len(strays)} image(s) whose name does not say their identity as in {example}: "
            f"{', '.join(strays[:3])}; rename or remove them"
        )
    if not images:
        raise BadInput(f"{root / folder} holds no images; extract the original archive again")
    return within(folder, images)


def query_and_gallery(
    title: str, root: Path, pairs: tuple[tuple[str, str], ...], pattern: re.Pattern[str], example: str
) -> dict[str, list[NamedImage]]:
    """Query and gallery of a dataset that is only tested on, each in its own folder.

    ``pairs`` are the names under which the two folders circulate; ``example`` is a file name below such a folder.
    Raises BadInput naming the folder or file when one is missing, empty, or not named as ``pattern`` says.
    """
    query, gallery = next((pair for pair in pairs if any((root / folder).is_dir() for folder in pair)), pairs[0])
    require_folders(title, root, (query, gallery), f"{root.name}/{{{query},{gallery}}}/{example}")
    return {
        "query": images_of_one_camera(root, query, pattern, QUERY_CAMERA, example),
        "gallery": images_of_one_camera(root, gallery, pattern, GALLERY_CAMERA, example),
    }
