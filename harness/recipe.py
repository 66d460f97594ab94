"""Recipes: how a method is trained. Every field can change the weights, so every field is part of the run hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Profile = Literal["demo", "study", "budget", "paper"]
PROFILES: tuple[Profile, ...] = ("demo", "study", "budget", "paper")
STUDY_SEEDS = (0, 1, 2)
"""The seeds of a study, unless others are asked for."""


@dataclass(frozen=True)
class Erasing:
    """Random erasing (Zhong et al.): one rectangle per chosen image, filled with a constant."""

    probability: float = 0.5
    area: tuple[float, float] = (0.02, 0.4)
    aspect: tuple[float, float] = (0.3, 3.33)
    fill: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The constant per channel, in normalised units (after mean and standard deviation)."""


@dataclass(frozen=True)
class Translation:
    """Offline translation: copies of each training image, shifted by a fixed, seeded offset and filled with black.

    ``copies`` shifted versions join the original, so an epoch has ``copies + 1`` images per image on disk. Offsets are
    uniform in ``±fraction`` of the height and of the width.
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
    """Resize a part of the image to the whole image.

    The part has a fraction ``area`` of the area, and ``aspect`` times the ratio of height to width. ``shift`` moves the
    result by up to that fraction of height and width, and fills with grey (the "RCRS" of RMGL, Sec. IV-D).
    """

    area: tuple[float, float] = (0.64, 1.0)
    aspect: tuple[float, float] = (1.0, 1.0)
    shift: float = 0.0
    probability: float = 0.5


@dataclass(frozen=True)
class Shifting:
    """Random shifting augmentation (RMGL, Sec. III-D): shrink the image, cropped in height or not, onto a grey canvas.

    ``probability`` is p and ``crop_probability`` p_c. ``crop_min``, ``height_min`` and ``width_min`` are the lower
    bounds of r_c, r_h and r_w. ``crop_width`` also crops the width, by the same r_c.
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
    """Random patch (Zhou et al., OSNet): paste a patch of an earlier image over a chosen image.

    Every training image adds a patch to a pool of size ``pool``. Pasting starts once the pool holds ``ready`` patches.
    """

    probability: float = 0.5
    area: tuple[float, float] = (0.01, 0.5)
    aspect: tuple[float, float] = (0.1, 10.0)
    flip: float = 0.5
    pool: int = 1000
    ready: int = 100


@dataclass(frozen=True)
class Augmentation:
    """Augmentation of training images, in this order. Masks and keypoints follow flips, translations and padding."""

    flip: float = 0.5
    translation: Translation | None = None
    padding: int = 0
    """Black pixels on every side, before a random crop of the image's own size."""
    crop: RandomCrop | None = None
    jitter: Jitter | None = None
    shifting: Shifting | None = None
    erasing: Erasing | None = None
    patch: Patch | None = None


@dataclass(frozen=True)
class Sampler:
    """Batch composition. ``images_per_identity=None`` means plain shuffled batches of ``identities`` images.

    Otherwise a batch has ``identities`` distinct identities with ``images_per_identity`` images each. For
    visible-infrared data these images are visible, and ``infrared_images_per_identity`` infrared images of the same
    identities follow. A step takes ``groups`` such batches, each with its own draw of identities (the processes of a
    paper).
    """

    identities: int
    images_per_identity: int | None
    infrared_images_per_identity: int = 0
    groups: int = 1
    draw: Literal["anew", "used_up"] = "anew"

    @property
    def batch_size(self) -> int:
        """Images per batch."""
        return self.groups * self.identities * ((self.images_per_identity or 1) + self.infrared_images_per_identity)


@dataclass(frozen=True)
class Optimiser:
    """SGD or Adam. ``multipliers`` scale the rate of parameters by the prefix of their name; the first match wins."""

    name: Literal["sgd", "adam"] = "sgd"
    rate: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = False
    multipliers: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class Warmup:
    """The rate grows from ``start`` times its value to its full value, over ``length`` epochs or iterations.

    ``linear`` adds the same amount at each iteration, ``exponential`` multiplies by the same factor. With
    ``each_epoch`` the rate changes once per epoch instead.
    """

    length: int
    unit: Literal["epochs", "iterations"] = "epochs"
    start: float = 0.1
    shape: Literal["linear", "exponential"] = "linear"
    each_epoch: bool = False


@dataclass(frozen=True)
class Schedule:
    """The factor on the rate: a warm-up, then times ``gamma`` at each milestone (epochs from the start).

    With ``cosine_to`` the rate falls instead once per epoch, along half a cosine, to that factor at the last epoch. The
    first epoch after the warm-up is already one step down.
    """

    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    warmup: Warmup | None = None
    cosine_to: float | None = None


StartKind = Literal["scratch", "imagenet", "luperson", "file", "run"]


@dataclass(frozen=True)
class Initialisation:
    """The initial weights.

    ``scratch``: the model's own initialisation. ``imagenet``: torchvision's weights in the trunk; if they are not
    available, scratch with a warning in the record. ``luperson``: likewise, with the weights of LUPerson (Fu et al.,
    CVPR 2021). ``file``: the trunk's weights in a file that the user names. ``run``: the trunk of another run on the
    same data, seed and profile, trained by ``method`` with ``switches``. If ``part`` is ``model``: the whole network of
    that run, with heads and classifiers (training in stages).
    """

    kind: StartKind = "imagenet"
    method: str | None = None
    switches: Mapping[str, Any] = field(default_factory=dict)
    part: Literal["trunk", "model"] = "trunk"


FROM_IDE = Initialisation("run", method="ide")
"""The trunk of the IDE run on the same data, which all methods share."""


@dataclass(frozen=True)
class Recipe:
    """How to train one run. The README of a method names the paper's section behind each value."""

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
    """With several processes per run: compute losses on the features of all processes, or per process on its own.

    Gradients are averaged in both cases."""
    flip_test: bool = True
    """Add the features of an image and of its mirror image before normalisation."""
