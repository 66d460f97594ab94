"""Lists image files whose names tell an identity but no camera.

Datasets without camera labels keep every gallery image. All queries get one camera and the gallery another, so the
camera rule removes nothing. (Taking the second number of a name for a camera would remove matches.)
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.datasets.assemble import prefix_folder
from harness.datasets.file_names import IMAGE_SUFFIXES, NamedImage
from harness.datasets.find_folder import require_folders
from harness.errors import BadInput

QUERY_CAMERA, GALLERY_CAMERA = 0, 1


def list_images_of_one_camera(
    root: Path, folder: str, pattern: re.Pattern[str], camera: int, example: str
) -> list[NamedImage]:
    """The images in ``root/folder`` and its sub-folders. A sub-folder named by a number holds that identity.

    Hidden files and files that are not images are left out.

    Args:
        root: The dataset's root.
        folder: Folder below the root.
        pattern: Matches a whole file name, with the group identity.
        camera: The camera given to all images.
        example: A file name, for messages.

    Raises:
        BadInput: The folder holds no images, or images with other names or in another identity's folder: these are
            counted and the first three named.
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
    return prefix_folder(folder, images)


def list_query_and_gallery(
    title: str, root: Path, pairs: tuple[tuple[str, str], ...], pattern: re.Pattern[str], example: str
) -> dict[str, list[NamedImage]]:
    """Query and gallery of a dataset that is only tested on, each in its own folder.

    Args:
        title: The dataset's name, for messages.
        root: The dataset's root.
        pairs: Names of the two folders in the copies that circulate.
        pattern: Matches a whole file name, with the group identity.
        example: A file name below such a folder, for messages.

    Raises:
        BadInput: A folder or file is missing, empty, or does not match ``pattern``.
    """
    query, gallery = next((pair for pair in pairs if any((root / folder).is_dir() for folder in pair)), pairs[0])
    require_folders(title, root, (query, gallery), f"{root.name}/{{{query},{gallery}}}/{example}")
    return {
        "query": list_images_of_one_camera(root, query, pattern, QUERY_CAMERA, example),
        "gallery": list_images_of_one_camera(root, gallery, pattern, GALLERY_CAMERA, example),
    }
