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
class Jitter:
    """Colour jitter: brightness, contrast and saturation, in this order, each by a factor U(1 - x, 1 + x)."""

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    probability: float = 1.0


@dataclass(frozen=True)
class RandomCrop:
    """A part of the image resized to the whole image: ``area`` of its area, ``aspect`` times its height to width.

    With ``shift`` the result is then moved by up to that fraction of height and width; what leaves it is lost, and grey
    comes in (the "RCRS" of RMGL, Sec. IV-D).
    """

    area: tuple[float, float] = (0.64, 1.0)
    aspect: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    probability: float = 0.5


@dataclass(frozen=True)
class Shifting:
    """Random shifting augmentation (RMGL, Sec. III-D): the image, cropped in height or not, shrunk onto a grey canvas.

    ``probability`` is p and ``crop_probability`` p_c; ``crop_min``, ``height_min`` and ``width_min`` are the least r_c,
    r_h and r_w. ``crop_width`` crops the width as well, by the same r_c.
    """

    probability: float = 0.5
    crop_probability: float = 0.5
    crop_min: float = 0.7
    height_min: float = 0.5
    width_min: float = 0.5
    crop_width: bool = False
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"


@dataclass(frozen=True)
class Patch:
    """Random patch (Zhou et al., OSNet): a patch of an earlier image is put over a chosen image.

    Patches are taken from every training image into a pool of ``pool``, and used once it holds ``ready``.
    """

    probability: float = 0.5
    area: tuple[float, float] = (0.01, 0.5)
    aspect: tuple[float, float] = (0.1, 10.0)
    flip: float = 0.5
    pool: int = 1000
    ready: int = 100


@dataclass(frozen=True)
class Augmentation:
    """What is done to training images, in this order; masks and keypoints follow flips, translations and padding."""

    flip: float = 0.5
    translation: Translation | None = None
    padding: int = 0
    """Black pixels put on every side before a crop of the image's own size is drawn."""
    crop: RandomCrop | None = None
    jitter: Jitter | None = None
    shifting: Shifting | None = None
    erasing: Erasing | None = None
    patch: Patch | None = None


@dataclass(frozen=True)
class Sampler:
    """Batch composition. ``images_per_identity=None`` means plain shuffled batches of ``identities`` images.

    Otherwise a batch is ``identities`` distinct identities with ``images_per_identity`` images each; of
    visible-infrared data that many visible and then, for the same identities, ``infrared_images_per_identity`` infrared
    ones. ``groups`` such batches, each with identities of its own drawing, make one step (a paper's processes).
    """

    identities: int
    images_per_identity: int | None
    infrared_images_per_identity: int = 0
    groups: int = 1

    @property
    def batch_size(self) -> int:
        """Images in a batch."""
        return self.groups * self.identities * ((self.images_per_identity or 1) + self.infrared_images_per_identity)


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
class Warmup:
    """The rate grows from ``start`` times itself, over ``length`` epochs or iterations.

    ``linear`` adds, ``exponential`` multiplies by, the same amount at each iteration; ``each_epoch`` at each epoch.
    """

    length: int
    unit: Literal["epochs", "iterations"] = "epochs"
    start: float = 0.1
    shape: Literal["linear", "exponential"] = "linear"
    each_epoch: bool = False


@dataclass(frozen=True)
class Schedule:
    """What the rate is multiplied by: a warm-up, then ``gamma`` at each milestone (epochs from the start).

    With ``cosine_to`` the rate falls instead, epoch by epoch, along half a cosine to that factor at the last epoch; the
    first epoch after the warm-up is one step down already.
    """

    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    warmup: Warmup | None = None
    cosine_to: float | None = None


StartKind = Literal["scratch", "imagenet", "luperson", "run"]


@dataclass(frozen=True)
class Initialisation:
    """Where the weights start.

    ``scratch``: the model's own initialisation. ``imagenet``: torchvision's weights in the trunk, or scratch with a
    warning in the record when they cannot be had; ``luperson``: likewise the weights of LUPerson (Fu et al., CVPR
    2021). ``run``: the trunk of another run on the same data, seed and profile, trained by ``method`` with
    ``switches``; or, where ``part`` is ``model``, all of it, heads and classifiers included (a training in stages).
    """

    kind: StartKind = "imagenet"
    method: str | None = None
    switches: Mapping[str, Any] = field(default_factory=dict)
    part: Literal["trunk", "model"] = "trunk"


FROM_IDE = Initialisation("run", method="ide")
"""The trunk of the IDE run on the same data, which all methods share."""


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
    losses_over: Literal["gathered", "local"] = "gathered"
    """Where several processes train a run: losses are computed on the features of all, or by each process on its own.

    In both cases their gradients are averaged."""
    flip_test: bool = True
    """Features of the image and of its mirror are added before they are normalised."""
