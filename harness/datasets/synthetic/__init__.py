"""The embedded dataset: pedestrians drawn by our own code, which know their own keypoints and parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.cache import cache_folder
from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.synthetic.edition import Difficulty, Edition

if TYPE_CHECKING:
    from harness.datasets.synthetic.sheet import contact_sheet
    from harness.datasets.synthetic.writing import generate

__all__ = ["SYNTHETIC", "Difficulty", "contact_sheet", "generate", "load"]


def __getattr__(name: str) -> Any:
    # What draws is imported when it is used: listing tables must not wait for it.
    if name == "generate":
        from harness.datasets.synthetic.writing import generate

        return generate
    if name == "contact_sheet":
        from harness.datasets.synthetic.sheet import contact_sheet

        return contact_sheet
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load(folder: Path) -> Dataset:
    """The dataset in ``folder``; the default edition's folder is drawn first where it is not there (seconds).

    Raises BadInput for a folder that ``generate`` did not make, or that was changed since.
    """
    from harness.datasets.synthetic.reading import read
    from harness.datasets.synthetic.writing import write_edition

    default = Edition()
    if folder.name == default.folder_name:
        write_edition(folder.parent, default)
    return read(folder)


def _default_folder(data_root: Path) -> Path:
    """Where the default edition is or will be drawn; it needs no data root."""
    return cache_folder() / Edition().folder_name


SYNTHETIC = DatasetSpec(
    id="synthetic",
    title="Synthetic pedestrians",
    find=_default_folder,
    load=load,
    obtain="It is drawn by the harness itself, in seconds, when it is first used.",
    embedded=True,
)
