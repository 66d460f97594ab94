"""The embedded datasets: images of people drawn by our own code, with their true keypoints and parts.

``synthetic`` is the default. Its flavours (``flavour.py``) stand in for other kinds of dataset. An id with knobs,
``synthetic:misalignment=2``, turns the flavour's difficulty (``dials.py``).
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.datasets.base import Dataset, DatasetSpec
from harness.datasets.synthetic.dials import Dialled, dialled, is_dialled
from harness.datasets.synthetic.edition import EDITIONS, Difficulty, Edition
from harness.files.cache import cache_folder

if TYPE_CHECKING:
    from harness.datasets.synthetic.sheet import contact_sheet
    from harness.datasets.synthetic.writing import generate

__all__ = ["FLAVOURS", "SYNTHETIC", "Difficulty", "contact_sheet", "dialled_spec", "generate", "is_dialled", "load"]

PROTOCOLS = {"synthetic_infrared": "sysu_all"}
"""Protocol of each flavour that Market-1501's protocol does not fit."""


def __getattr__(name: str) -> Any:
    # The drawing code is imported on first use: listing tables must not wait for it.
    if name == "generate":
        from harness.datasets.synthetic.writing import generate

        return generate
    if name == "contact_sheet":
        from harness.datasets.synthetic.sheet import contact_sheet

        return contact_sheet
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load(folder: Path) -> Dataset:
    """The dataset in ``folder``. A flavour's own edition is drawn first if it is not there; this takes seconds.

    Raises BadInput for a folder that was not drawn here, or was changed since.
    """
    from harness.datasets.synthetic.reading import read_edition
    from harness.datasets.synthetic.writing import write_edition

    for edition in EDITIONS.values():
        if folder.name == edition.folder_name:
            write_edition(folder.parent, edition)
    return read_edition(folder)


def _folder(edition: Edition, data_root: Path) -> Path:
    """The folder of an edition in the cache. The data root is not used."""
    return cache_folder() / edition.folder_name


def _spec(edition: Edition) -> DatasetSpec:
    return DatasetSpec(
        id=edition.flavour.id,
        title=edition.flavour.title,
        find=partial(_folder, edition),
        load=load,
        protocol=PROTOCOLS.get(edition.flavour.id, "market1501"),
        obtain="It is drawn by the harness itself, in seconds, when it is first used.",
        embedded=True,
        infrared=bool(edition.flavour.infrared_cameras),
        stand_in=edition.flavour.id,
    )


def dialled_spec(dataset_id: str) -> DatasetSpec:
    """The spec of an embedded dataset with turned knobs. Raises BadInput for a knob or number that cannot be.

    Where the training images are the flavour's own, it trains as the flavour.
    """
    found = dialled(dataset_id)
    own = _spec(found.own_edition)
    turned = ", ".join(f"{name} {value:g}" for name, value in found.knobs.items())
    return replace(
        own,
        id=found.id,
        title=f"{own.title}, {turned}",
        find=partial(_folder, found.edition),
        load=partial(_load_dialled, found),
        trained_as="" if found.turns_training else own.id,
        stand_in=found.id,
    )


def _load_dialled(found: Dialled, folder: Path) -> Dataset:
    """The dataset in ``folder``, drawn first if it is not there, under its own id."""
    from harness.datasets.synthetic.reading import read_edition
    from harness.datasets.synthetic.writing import write_edition

    write_edition(folder.parent, found.edition)
    dataset = read_edition(folder)
    return replace(dataset, id=found.id, passport=replace(dataset.passport, dataset=found.id))


FLAVOURS: tuple[DatasetSpec, ...] = tuple(_spec(edition) for edition in EDITIONS.values())
"""The embedded dataset of each flavour, the default first."""

SYNTHETIC = FLAVOURS[0]
