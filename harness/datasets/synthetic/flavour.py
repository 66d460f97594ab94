"""Kinds of dataset that the embedded one can stand in for: whom the cameras see, where, and what queries look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

People = Literal["pedestrians", "winter walkers", "players"]
Place = Literal["street", "snowy street", "court"]


@dataclass(frozen=True)
class Flavour:
    """What sets one kind of dataset apart; all else is drawn alike.

    ``query_cameras`` and ``gallery_cameras`` are the cameras of the test images where no camera takes both, so that
    rules on cameras never matter; without them queries and gallery come from the same cameras, as in Market-1501.
    """

    id: str
    title: str
    about: str = ""
    """What the passport's variant says of it in words."""
    cameras: int = 6
    people: People = "pedestrians"
    place: Place = "street"
    light: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Multiplies red, green and blue under all cameras."""
    knobs: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Knobs of ``Difficulty`` that a split (``train``, ``query``, ``test``) has otherwise than the edition."""
    query_cameras: tuple[int, ...] = ()
    gallery_cameras: tuple[int, ...] = ()
    query_images: int = 0
    """Queries of each test identity, where ``query_cameras`` are given."""
    query_shares: tuple[float, ...] = ()
    """Shares of the image's height, from the top, that queries are cut to, each as often as the others."""
    infrared_cameras: tuple[int, ...] = ()
    same_room: Mapping[int, int] = field(default_factory=dict)
    """Cameras that stand beside another one and look at the same place."""
    one_moment: bool = False
    """An identity's test images are frames of one moment, whatever camera their names say."""
    infrared_twins: bool = False
    """Whether each image also has a grey infrared twin of its own, in a folder beside."""


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

# As in Partial-REID (Zheng et al., ICCV 2015): whole gallery, queries cut and blown up to the full box; the shares are
# those of PGFL-KD's Partial-Duke (Sec. 4.1).
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
# other frames; loaders number the camera of all queries apart from that of the gallery, so that nothing is junk.
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

# As in SYSU-MM01 (Wu et al., ICCV 2017): infrared cameras 3, beside camera 2, and 6; visible cameras 1, 2, 4 and 5.
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
