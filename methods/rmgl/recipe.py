"""How RMGL is trained."""

from __future__ import annotations

from dataclasses import dataclass

from harness.models.catalogue import TRUNKS
from harness.recipe import (
    FROM_IDE,
    Augmentation,
    Erasing,
    Initialisation,
    Jitter,
    Optimiser,
    Profile,
    RandomCrop,
    Recipe,
    Sampler,
    Schedule,
    Shifting,
    Warmup,
)
from methods.rmgl.switches import RMGLSwitches


@dataclass(frozen=True)
class _Effort:
    """The settings in which the profiles differ."""

    backbone: str
    sampler: Sampler
    epochs: int
    rate: float
    schedule: Schedule
    initialisation: Initialisation


SHORT = Schedule(warmup=Warmup(20, "iterations", 0.1, "exponential"), cosine_to=0.01)

EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort(
        "resnet50",
        Sampler(identities=12, images_per_identity=4),
        70,
        0.01,
        # 1e-5 to 0.01 in 3 epochs.
        Schedule((30, 50), warmup=Warmup(3, "epochs", start=1e-3, shape="exponential")),
        Initialisation("imagenet"),
    ),
    "budget": _Effort(
        "resnet18",
        Sampler(8, 4),
        2,
        0.01,
        Schedule((1,), warmup=Warmup(40, "iterations", 0.1, "exponential")),
        FROM_IDE,
    ),
    "study": _Effort("resnet10_slim", Sampler(8, 4), 24, 0.02, SHORT, FROM_IDE),
    "demo": _Effort("resnet10_slim", Sampler(8, 4), 18, 0.02, SHORT, FROM_IDE),
}

JITTER = Jitter(brightness=0.2, contrast=0.15, saturation=0.15)
CROP = RandomCrop(area=(0.64, 1.0), probability=0.5)
CROP_RESIZE_SHIFT = RandomCrop(area=(0.64, 1.0), aspect=(0.75, 1.33), shift=0.1, probability=0.5)
ERASING = Erasing(probability=0.5, area=(0.02, 0.4))


def augmentation(switches: RMGLSwitches) -> Augmentation:
    """Flips, and the augmentations of Table VI that are switched on. RSA follows Sec. III-D and IV-A."""
    crop = CROP if switches.random_cropping else CROP_RESIZE_SHIFT if switches.crop_resize_shift else None
    shifting = Shifting(
        probability=switches.rsa_probability,
        crop_probability=switches.rsa_crop_prob,
        crop_min=switches.rsa_crop_min,
        height_min=switches.rsa_height_min,
        width_min=switches.rsa_width_min,
    )
    return Augmentation(
        flip=0.5,
        crop=crop,
        jitter=JITTER if switches.color_jitter else None,
        shifting=shifting if switches.random_shifting else None,
        erasing=ERASING if switches.random_erasing else None,
    )


def recipe(switches: RMGLSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. IV-A for ``paper``. The other profiles spend less. All datasets have the same recipe."""
    effort = EFFORT[profile]
    height, width = TRUNKS[effort.backbone].input_size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=effort.sampler,
        epochs=effort.epochs,
        optimiser=Optimiser(
            "sgd",
            rate=effort.rate,
            momentum=0.9,
            weight_decay=switches.weight_decay,
            multipliers=(("heads.", 10.0),),
        ),
        schedule=effort.schedule,
        augmentation=augmentation(switches),
        initialisation=effort.initialisation,
        flip_test=True,
    )
