"""The embedded dataset at a glance: the sheet that a run kept of it, and what is on it."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from harness.datasets.synthetic.edition import EDITIONS
from harness.results.record import DoneRecord
from harness.results.store import contact_sheet_path
from harness.results.stored import StoredArrays


@dataclass(frozen=True)
class ContactSheet:
    """A picture as a data: address, its caption, and its description for readers who do not see it."""

    uri: str
    caption: str
    description: str


def contact_sheet(record: DoneRecord, stored: StoredArrays) -> ContactSheet | None:
    """The contact sheet of a record's dataset; None for real data and where none was kept."""
    if record["dataset"] not in EDITIONS:
        return None
    path = stored.results / contact_sheet_path(record["receipt"]["passport"]["fingerprint"])
    if not path.exists():
        return None
    flavour = EDITIONS[record["dataset"]].flavour
    twin = ", an infrared twin" if flavour.infrared_twins else ""
    about = f" Here: {flavour.about}." if flavour.about else ""
    return ContactSheet(
        f"data:image/webp;base64,{base64.b64encode(path.read_bytes()).decode()}",
        f"A person a row: training images, then another person’s queries and gallery images{twin}, and the truth that "
        f"the dataset knows of itself, parts and keypoints.{about}",
        f"Drawn {flavour.people} under {flavour.cameras} cameras{twin and f'{twin} of each'}, and their part labels",
    )
