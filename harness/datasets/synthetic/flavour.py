"""Flavours of the embedded dataset, one per kind of real dataset: people, place, and queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

People = Literal["pedestrians", "winter walkers", "players"]
Place = Literal["street", "snowy street", "court"]


@dataclass(frozen=True)
class Flavour:
    """The differences of one kind of dataset. Everything else is drawn alike.

    ``query_cameras`` and ``gallery_cameras`` are given if no camera takes both queries and gallery: then camera rules
    never matter. Without them, queries and gallery come from the same cameras, as in Market-1501.
    """

    id: str
    title: str
    about: str = ""
    """Its description in the passport's variant."""
    cameras: int = 6
    people: People = "pedestrians"
    place: Place = "street"
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Multiplies red, green and blue under all cameras."""
    knobs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Knobs of ``Difficulty`` per split (``train``, ``query``, ``test``), in place of the edition's."""
    query_cameras: tuple[int, ...] = ()
    gallery_cameras: tuple[int, ...] = ()
    query_images: int = 0
    """Queries per test identity, if ``query_cameras`` are given."""
    query_shares: tuple[float, ...] = ()
    """Queries are cut to these shares of the image's height, from the top, each equally often."""
    infrared_cameras: tuple[int, ...] = ()
    same_room: Mapping[int, int] = field(default_factory=dict)
    """Camera -> the camera beside it that looks at the same place."""
    one_moment: bool = False
    """All test images of an identity are frames of one moment, although their names give two cameras."""
    infrared_twins: bool = False
    """Each image has a grey infrared twin, in a folder of twins."""


HOLISTIC = Flavour("synthetic", "Synthetic pedestrians", infrared_twins=True)

SECOND_DOMAIN = Flavour(
    "synthetic_b",
    "Synthetic pedestrians, second domain",
    "eight other cameras on a winter evening",
    cameras=8,
    people="winter walkers",
    place="snowy street",
    light=(0.92, 0.8, 0.66),
)

# As in Occluded-Duke (Miao et al., ICCV 2019): every query is occluded, the gallery is mostly whole.
OCCLUDED = Flavour(
    "synthetic_occluded",
    "Synthetic pedestrians, occluded",
    "queries occluded, gallery mostly whole",
    knobs={
        "train": {"occlusion": 0.3},
        "query": {"occlusion": 1.0, "partial": 0.0},
        "test": {"occlusion": 0.05, "partial": 0.0},
    },
)

# As in Partial-REID (Zheng et al., ICCV 2015): whole gallery, queries cut and enlarged to the full box. The shares are
# from PGFL-KD's Partial-Duke (Sec. 4.1).
PARTIAL = Flavour(
    "synthetic_partial",
    "Synthetic pedestrians, partial",
    "queries cut to the upper half or the upper third, gallery whole",
    knobs={split: {"occlusion": 0.0, "partial": 0.0, "misalignment": 0.4} for split in ("query", "test")},
    query_cameras=(1, 2, 3),
    gallery_cameras=(4, 5, 6),
    query_images=5,
    query_shares=(1 / 2, 1 / 3),
)

# As in SynergyReID (Van Zandycke et al., MMSports 2022): the query is one frame of a moment of a match, the gallery its
# other frames. Loaders give queries and gallery different camera numbers, so nothing is junk.
PLAYERS = Flavour(
    "synthetic_players",
    "Synthetic players",
    "two teams; one query and the gallery of a player are frames of one moment",
    cameras=4,
    people="players",
    place="court",
    query_cameras=(1,),
    gallery_cameras=(2,),
    query_images=1,
    one_moment=True,
)

# As in SYSU-MM01 (Wu et al., ICCV 2017): infrared cameras 3 (beside camera 2) and 6; visible cameras 1, 2, 4 and 5.
INFRARED = Flavour(
    "synthetic_infrared",
    "Synthetic pedestrians, visible and infrared",
    "queries of the infrared cameras 3 and 6, gallery of the visible cameras 1, 2, 4 and 5",
    query_cameras=(3, 6),
    gallery_cameras=(1, 2, 4, 5),
    query_images=4,
    infrared_cameras=(3, 6),
    same_room={3: 2},
)
