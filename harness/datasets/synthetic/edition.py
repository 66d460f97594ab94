"""The settings of a synthetic dataset (seed, sizes, difficulty, flavour), and the folder name made from them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from harness.datasets.synthetic.flavour import (
    HOLISTIC,
    INFRARED,
    OCCLUDED,
    PARTIAL,
    PLAYERS,
    SECOND_DOMAIN,
    Flavour,
)
from harness.errors import BadInput

VERSION = 1
"""Raised with each change of the drawing, so that no cache mixes two versions."""

HEIGHT, WIDTH = 128, 64
"""Size of the images in pixels, as in Market-1501."""


@dataclass(frozen=True)
class Difficulty:
    """The knobs that make the dataset hard. Each can be turned alone: people, poses and places stay the same.

    ``misalignment``, ``pose``, ``lighting``, ``clutter`` and ``noise`` multiply spreads (0 switches them off,
    2 doubles them). ``occlusion`` and ``partial`` are probabilities per image. ``wardrobe`` is a number of colours.
    A dataset's id can turn them, too: ``synthetic:misalignment=2`` (``dials.py``).
    """

    misalignment: float = 1.0
    """Multiplies the error of the detector's box: its shift and the logarithm of its scale."""
    occlusion: float = 0.16
    """Probability that a car, a pole, a bush or another pedestrian stands before the person."""
    partial: float = 0.1
    """Probability that the box cuts off a large part of the person."""
    pose: float = 1.0
    """Multiplies the length of the stride, the swing of the arms and the change of orientation within a camera."""
    lighting: float = 1.0
    """Multiplies the cameras' differences in tint, exposure, contrast and saturation."""
    clutter: float = 1.0
    """Multiplies the number of things, and of passers-by, in the background."""
    wardrobe: int = 10
    """Number of clothing colours shared by all identities, from 2 to 16. Fewer is harder."""
    noise: float = 1.0
    """Multiplies the noise of the sensors."""
    carryover: float = 0.2
    """Share of a garment's brightness in the infrared that comes from its visible colour; the rest is random."""

    def __post_init__(self) -> None:
        for name in ("misalignment", "pose", "lighting", "clutter", "noise"):
            if not 0 <= getattr(self, name) <= 10:
                raise BadInput(f"difficulty {name}={getattr(self, name)!r} is not a multiplier; give one from 0 to 10")
        for name in ("occlusion", "partial", "carryover"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadInput(f"difficulty {name}={getattr(self, name)!r} is not a share; give one from 0 to 1")
        if self.wardrobe not in range(2, 17):
            raise BadInput(f"difficulty wardrobe={self.wardrobe!r} is out of range; give 2 to 16 colours")


@dataclass(frozen=True)
class Edition:
    """Everything that decides the images. Equal editions hold the same bytes (on the same machine and software)."""

    seed: int = 0
    difficulty: Difficulty = field(default_factory=Difficulty)
    train_ids: int = 120
    test_ids: int = 600
    """Many: how small a difference of two rows is decided depends on the number of people in the test."""
    train_images: int = 10
    """Images of each training identity."""
    test_images: int = 6
    """Mean number of images of each test identity, queries included."""
    distractors: int = 120
    """Gallery images of people who are in neither set (identity 0)."""
    flavour: Flavour = HOLISTIC

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise BadInput(f"seed {self.seed} of the synthetic dataset is negative; give 0 or more")
        if min(self.train_ids, self.test_ids) < 1 or self.train_ids + self.test_ids > 9999:
            raise BadInput("the synthetic dataset takes at least 1 identity in each set and at most 9,999 in all")
        if self.train_images < 2 or self.test_images < 6 or self.distractors < 0:
            raise BadInput("the synthetic dataset takes at least 2 train_images, 6 test_images and 0 distractors")
        if self.flavour.query_images >= self.test_images:
            raise BadInput(f"{self.flavour.id} takes more than {self.flavour.query_images} test_images")

    @property
    def folder_name(self) -> str:
        """The flavour's id and 12 hex digits of the SHA-256 of version and settings."""
        text = json.dumps(self.settings(), sort_keys=True)
        return f"{self.flavour.id}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def difficulty_of(self, split: str) -> Difficulty:
        """The knobs of ``train``, ``query`` or ``test`` images: the edition's, with those that the flavour sets."""
        knobs: dict[str, Any] = dict(self.flavour.knobs.get(split, {}))
        return replace(self.difficulty, **knobs)

    def settings(self) -> dict[str, Any]:
        """The settings as written beside the images. The default flavour is left out: it is older than flavours."""
        settings = {"version": VERSION, **asdict(self)}
        if self.flavour == HOLISTIC:
            del settings["flavour"]
        return settings

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> Edition:
        """The edition with these ``settings``.

        Raises BadInput if another version of the drawing or of the flavour wrote them.
        """
        values = {name: value for name, value in settings.items() if name != "version"}
        flavour = EDITIONS[values.get("flavour", {"id": HOLISTIC.id})["id"]].flavour
        if "flavour" in values:  # Dials turn the knobs of a flavour.
            flavour = replace(flavour, knobs=values["flavour"]["knobs"])
        if settings.get("version") == VERSION:
            edition = cls(**{**values, "difficulty": Difficulty(**values["difficulty"]), "flavour": flavour})
            if json.loads(json.dumps(edition.settings())) == settings:
                return edition
        raise BadInput(f"this synthetic dataset is not of version {VERSION}; delete its folder to have it drawn again")

    def variant(self) -> str:
        """The passport's variant: flavour, seed, and the knobs and sizes that differ from the flavour's own edition."""
        own = EDITIONS[self.flavour.id]
        knobs = [
            f"{knob.name} {getattr(self.difficulty, knob.name):g}"
            for knob in fields(Difficulty)
            if getattr(self.difficulty, knob.name) != getattr(own.difficulty, knob.name)
        ]
        knobs += [
            f"{name} {value:g} in {split} images"
            for split, of_split in self.flavour.knobs.items()
            for name, value in of_split.items()
            if value != own.flavour.knobs[split][name]
        ]
        sizes = [
            f"{size.name} {getattr(self, size.name)}"
            for size in fields(self)
            if size.name not in ("seed", "difficulty", "flavour")
            and getattr(self, size.name) != getattr(own, size.name)
        ]
        about = f" ({self.flavour.about})" if self.flavour.about else ""
        return f"{self.flavour.id}{about} seed {self.seed}, {', '.join([*(knobs or ['default difficulty']), *sizes])}"


# Seeds differ, so editions share no people: a network trained on one can be tested on another.
EDITIONS: dict[str, Edition] = {
    edition.flavour.id: edition
    for edition in (
        Edition(),
        Edition(seed=1, flavour=SECOND_DOMAIN),
        Edition(seed=2, flavour=OCCLUDED),
        Edition(seed=3, test_ids=300, test_images=10, distractors=0, flavour=PARTIAL),
        Edition(
            seed=4,
            difficulty=Difficulty(pose=1.5, occlusion=0.25, clutter=2.5),
            train_ids=60,
            test_ids=50,
            train_images=10,
            test_images=16,
            distractors=0,
            flavour=PLAYERS,
        ),
        # Visible light shows dyes, infrared shows cloth: build and cut of clothes match across both, brightness only in
        # part. So everything else is easy, and there are many training identities.
        Edition(
            seed=5,
            difficulty=Difficulty(
                misalignment=0.4,
                occlusion=0.0,
                partial=0.0,
                pose=0.5,
                lighting=0.5,
                clutter=0.3,
                noise=0.3,
                carryover=0.6,
            ),
            train_ids=400,
            test_ids=300,
            train_images=6,
            test_images=10,
            distractors=0,
            flavour=INFRARED,
        ),
    )
}
"""Each flavour's own edition, by dataset id."""
