"""How a method is trained. Every field can change the weights, so every field is part of the run hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Profile = Literal["demo", "budget", "paper"]
PROFILES: tuple[Profile, ...] = ("demo", "budget", "paper")


@dataclass(frozen=True)
class Erasing:
    """Random erasing (Zhong et al.): one rectangle a chosen image, filled with a constant."""

    probability: float = 0.5
    area: tuple[float, float] = (0.02, 0.4)
    aspect: tuple[float, float] = (0.3, 3.33)
    fill: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The constant, in normalised units (after mean and standard deviation)."""


@dataclass(frozen=True)
class Translation:
    """Copies of each training image shifted by a fixed, seeded offset and filled with black (offline translation).

    ``copies`` shifted versions are added to the original, so an epoch counts ``copies + 1`` images for each on disk.
    Offsets are uniform in ``±fraction`` of the height and of the width.
    """

    copies: int = 4
    fraction: float = 0.05


@dataclass(frozen=True)
class Augmentation:
    """What is done to training images; masks and keypoints follow flips and translations."""

    flip: float = 0.5
    translation: Translation | None = None
    erasing: Erasing | None = None


@dataclass(frozen=True)
class Sampler:
    """Batch composition. ``images_per_identity=None`` means plain shuffled batches of ``identities`` images.

    Otherwise a batch is ``identities`` distinct identities with ``images_per_identity`` images each.
    """

    identities: int
    images_per_identity: int | None

    @property
    def batch_size(self) -> int:
        """Images in a batch."""
        return self.identities * (self.images_per_identity or 1)


@dataclass(frozen=True)
class Optimiser:
    """SGD or Adam. ``multipliers`` scales the rate of parameters whose name starts with a prefix; first match wins."""

    name: Literal["sgd", "adam"] = "sgd"
    rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = False
    multipliers: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Schedule:
    """Step schedule in epochs: the rate is multiplied by ``gamma`` at each milestone, after a linear warm-up."""

    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    warmup_epochs: int = 0
    warmup_start: float = 0.1


@dataclass(frozen=True)
class Initialisation:
    """Where the weights start.

    ``scratch``: the model's own initialisation. ``imagenet``: torchvision's weights in the trunk, or scratch with a
    warning in the record when they cannot be had. ``run``: the trunk of another run on the same data, seed and
    profile, trained by ``method`` with ``switches``.
    """

    kind: Literal["scratch", "imagenet", "run"] = "imagenet"
    method: str | None = None
    switches: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    """One training: the paper's section is named in the README of the method that gives it."""

    backbone: str
    height: int
    width: int
    sampler: Sampler
    epochs: int
    optimiser: Optimiser
    schedule: Schedule
    augmentation: Augmentation
    initialisation: Initialisation
    flip_test: bool = True
    """Features of the image and of its mirror are added before they are normalised."""
