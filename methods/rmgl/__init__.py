"""RMGL: Receptive Multi-Granularity Representation for Person Re-Identification (IEEE TIP 2020)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from harness.method import Method, Paper
from harness.models.catalogue import TRUNKS
from harness.recipe import (
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
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel

PathName = Literal["original", "receptive"]
CutPosition = Literal["input", "res_2", "res_3", "res_4", "res_5"]


@dataclass(frozen=True)
class RMGLSwitches:
    """Every switch that the paper's ablations turn, and every choice that it leaves open; the defaults are RMGL.

    Raises ValueError, in one sentence, for a value or a combination that names no variant.
    """

    stripes: tuple[int, ...] = (2, 3)
    """Stripes of each branch; a branch of 1 has the global feature only and no receptive path."""
    original_path: bool = True
    receptive_partition: bool = True
    """The path that runs the same weights on each stripe by itself (Sec. III-B)."""
    rp_position: CutPosition = "res_3"
    """The stage that is fed with stripes, ``res_3`` being behind ``res_conv2c`` (Fig. 9)."""
    receptive_global: bool = True
    """The receptive path has a global feature, too."""
    path_norms: Literal["shared", "separate"] = "shared"
    """Whether the paths of a branch share their BN as they share their convolutions."""
    path_reductions: Literal["separate", "shared"] = "separate"
    reduction_relu: bool = False
    """A ReLU behind the reduction's BN, as in MGN."""
    classifier_start: Literal["kaiming", "near_zero"] = "kaiming"
    """Kaiming and no bias, or the harness's own: near zero, with a bias."""
    global_branch_stride: Literal[1, 2] = 2
    """Stride of conv5 in a branch of 1 (2 in MGN)."""
    activation_balanced_pooling: bool = True
    abp_phase: Literal["test", "both"] = "test"
    """Whether the stripes are balanced at test only, or in training as well."""
    abp_paths: Literal["original", "both"] = "original"
    local_pooling: Literal["max", "avg"] = "max"
    """Of each stripe, in training and at test; ``avg`` is Eq. 11 as printed."""
    random_shifting: bool = True
    rsa_probability: float = 0.5
    rsa_crop_prob: float = 0.5
    rsa_crop_min: float = 0.7
    rsa_height_min: float = 0.5
    rsa_width_min: float = 0.5
    color_jitter: bool = False
    random_cropping: bool = False
    random_erasing: bool = False
    crop_resize_shift: bool = False
    margin: float | Literal["soft"] = 0.6
    triplet_normalised: bool = False
    """Features are brought to unit length before the triplet loss compares them."""
    batch_reduction: Literal["mean", "sum"] = "mean"
    """Losses are means over the batch; ``sum`` is Eq. 2 and 3 as printed."""
    weight_decay: float = 1e-3
    reranking: bool = False

    def __post_init__(self) -> None:
        check_values(self)
        object.__setattr__(self, "stripes", _stripes(self.stripes))
        self._check_ranges()
        self._check_combination()

    def paths(self, parts: int) -> tuple[PathName, ...]:
        """The paths of a branch; cutting into one part is no cut, so there it is the original path alone."""
        if parts == 1 or not self.receptive_partition:
            return ("original",)
        return ("original", "receptive") if self.original_path else ("receptive",)

    @property
    def balanced_paths(self) -> tuple[PathName, ...]:
        """The paths whose stripes activation balanced pooling moves."""
        return ("original",) if self.abp_paths == "original" else ("original", "receptive")

    def _check_ranges(self) -> None:
        for name in ("rsa_probability", "rsa_crop_prob", "rsa_crop_min", "rsa_height_min", "rsa_width_min"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {getattr(self, name)!r}")
        for name in ("rsa_crop_min", "rsa_height_min", "rsa_width_min"):
            if not getattr(self, name):
                raise ValueError(f"{name} must leave something of the image: give more than 0")

    def _check_combination(self) -> None:
        if not (self.original_path or self.receptive_partition):
            raise ValueError("a branch needs a path: turn original_path or receptive_partition on")
        cut = self.receptive_partition and max(self.stripes) > 1
        shifted = self.random_shifting and self.rsa_probability > 0
        refined = {
            "original_path": max(self.stripes) > 1,
            "rp_position": cut,
            "receptive_global": cut,
            "path_norms": cut and self.original_path,
            "path_reductions": cut and self.original_path,
            "global_branch_stride": 1 in self.stripes,
            "abp_phase": self.activation_balanced_pooling,
            "abp_paths": self.activation_balanced_pooling and cut,
            "rsa_probability": self.random_shifting,
            "rsa_crop_prob": shifted,
            "rsa_crop_min": shifted and self.rsa_crop_prob > 0,
            "rsa_height_min": shifted,
            "rsa_width_min": shifted,
        }
        defaults = {field.name: field.default for field in fields(self)}
        for name, effective in refined.items():
            if not effective and getattr(self, name) != defaults[name]:
                raise ValueError(f"{name}={getattr(self, name)!r} changes nothing here; leave it at {defaults[name]!r}")
        balanced = any(path in self.balanced_paths for parts in self.stripes if parts > 1 for path in self.paths(parts))
        if self.activation_balanced_pooling and not balanced:
            raise ValueError(
                "activation_balanced_pooling finds no stripes to balance; turn it off, or give it a branch of 2 "
                "stripes or more with its original path"
            )
        if self.crop_resize_shift and (self.random_shifting or self.random_cropping):
            raise ValueError("crop_resize_shift stands in place of random_shifting and random_cropping; turn them off")


def _stripes(value: Any) -> tuple[int, ...]:
    counts = tuple(value) if isinstance(value, list | tuple) else ()
    whole = all(isinstance(parts, int) and not isinstance(parts, bool) and parts >= 1 for parts in counts)
    if not counts or not whole or len(set(counts)) < len(counts):
        raise ValueError(f"stripes must be a list of different whole numbers, 1 or more, not {value!r}")
    return tuple(sorted(counts))


def build(switches: RMGLSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.rmgl.model import RMGL

    return RMGL(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently."""

    backbone: str
    sampler: Sampler
    epochs: int
    rate: float
    milestones: tuple[int, ...]
    warmup: Warmup
    initialisation: Initialisation


FROM_IDE = Initialisation("run", method="ide")
EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort(
        "resnet50",
        Sampler(identities=12, images_per_identity=4),
        70,
        0.01,
        (30, 50),
        # 1e-5 to 0.01 in 3 epochs.
        Warmup(3, "epochs", start=1e-3, shape="exponential"),
        Initialisation("imagenet"),
    ),
    "budget": _Effort("resnet18", Sampler(8, 4), 2, 0.01, (1,), Warmup(40, "iterations", 0.1, "exponential"), FROM_IDE),
    "demo": _Effort("resnet10", Sampler(8, 4), 6, 0.01, (4,), Warmup(20, "iterations", 0.1, "exponential"), FROM_IDE),
}

JITTER = Jitter(brightness=0.2, contrast=0.15, saturation=0.15)
CROP = RandomCrop(area=(0.64, 1.0), probability=0.5)
CROP_RESIZE_SHIFT = RandomCrop(area=(0.64, 1.0), aspect=(0.75, 1.33), shift=0.1, probability=0.5)
ERASING = Erasing(probability=0.5, area=(0.02, 0.4))


def augmentation(switches: RMGLSwitches) -> Augmentation:
    """Flips always, and whatever of Table VI is switched on; RSA by Sec. III-D and IV-A."""
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
    """Sec. IV-A for ``paper``; less of the same for ``budget`` and ``demo``. The same on every dataset."""
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
        schedule=Schedule(milestones=effort.milestones, gamma=0.1, warmup=effort.warmup),
        augmentation=augmentation(switches),
        initialisation=effort.initialisation,
        flip_test=True,
    )


def embedding(switches: RMGLSwitches) -> str:
    """All features side by side (Eq. 1), their stripes even or balanced; one run gives both."""
    return "feature_abp" if switches.activation_balanced_pooling else "feature"


METHOD = Method(
    id="rmgl",
    paper=Paper(
        title="Receptive Multi-granularity Representation for Person Re-Identification",
        venue="IEEE TIP",
        year=2020,
    ),
    switches=RMGLSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
    # Balancing in training is abp_phase; whether it is on says only what is read at test.
    test_switches=frozenset({"activation_balanced_pooling", "reranking"}),
    reranked=lambda switches: switches.reranking,
    attention=(
        "Responses on the final maps (Fig. 4): the mean over channels, each map by its own maximum. O-2 is the "
        "original path of the branch of two stripes, RP-2 its receptive partitioned one."
    ),
)
