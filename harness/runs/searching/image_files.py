"""The image files that a search reads."""

from __future__ import annotations

from pathlib import Path

from harness.datasets.file_names import IMAGE_SUFFIXES
from harness.errors import BadInput


def image_files(folder: Path, named: str) -> list[Path]:
    """The image files below a folder, sorted by path; hidden ones are left out.

    Raises BadInput, which calls the folder by its option ``named``, if it is no folder or holds no image.
    """
    if not folder.is_dir():
        raise BadInput(f"{named} {folder} is not a folder; name the folder that holds the images")
    below = (path.relative_to(folder) for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    shown = sorted(path for path in below if not any(part.startswith(".") for part in path.parts))
    if not shown:
        raise BadInput(f"{named} {folder} holds no image; put files that end in {', '.join(IMAGE_SUFFIXES)} into it")
    return [folder / path for path in shown]


def query_files(path: Path) -> list[Path]:
    """The image itself, or those below a folder. Raises BadInput if it is not there, or a folder without images."""
    if path.is_dir():
        return image_files(path, "the queries' folder")
    if not path.exists():
        raise BadInput(f"there is no image or folder {path}; correct its path")
    return [path]
