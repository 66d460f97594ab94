"""MPN: Multi-task Learning with Coarse Priors for Robust Part-aware Person Re-identification (IEEE TPAMI 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.method import Method, Paper, PriorNeeds
from harness.models.catalogue import TRUNKS
from harness.recipe import (
    Augmentation,
    Erasing,
    Initialisation,
    Optimiser,
    Profile,
    Recipe,
    Sampler,
    Schedule,
    Translation,
)
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class MPNSwitches:
    """Every switch that the paper's ablations turn; the defaults are its full method, "MPN" of Table 1.

    Raises ValueError, in one sentence, for a value or a combination that names no variant.
    """

    tasks: Literal["at_only", "mt_only", "mt_and_at"] = "mt_and_at"
    mtl: bool = True
    """Both tasks are trained: follows from ``tasks``."""
    c1_shared: bool = True
    """The first 1x1 convolution, with its BN, is one module for both tasks of a part (Sec. 3.3)."""
    c2_shared: bool = True
    ca: bool = True
    """Channel attention between pooling and the second convolution (Fig. 6)."""
    ca_shared: bool = True
    fsa: Literal["none", "batch_mean", "summed_triplet", "sample_cosine", "class_mean"] = "class_mean"
    """Feature space alignment (Sec. 3.5 and 5.3.3)."""
    prior: Literal["none", "uniform", "roi_resize", "mask_roi"] = "mask_roi"
    """What feeds the ATs in training (Sec. 3.2 and 5.3.1)."""
    test_prior: Literal["none", "uniform", "roi_resize", "mask_roi"] = "none"
    """The part division at inference, where ATs are all there is."""
    triplet_on: Literal["h", "g", "h_plus_g"] = "h"
    soft_c1_weight: float = 0.0
    """Weight of soft sharing of the first convolution (Sec. 5.3.2)."""
    soft_c2_weight: float = 0.0
    spatial_attention: Literal["none", "rga_s"] = "none"
    """RGA-S in the trunk (MPN*, Sec. 5.4.1)."""
    k: int = 6
    """Number of body parts."""
    triplet_weight: float = 1.0
    """1 is the printed loss; 2 that of the authors' released code."""

    def __post_init__(self) -> None:
        self._check_values()
        self._check_combination()

    @property
    def has_main(self) -> bool:
        """Whether the variant has MTs."""
        return self.tasks != "at_only"

    @property
    def has_auxiliary(self) -> bool:
        """Whether the variant has ATs."""
        return self.tasks != "mt_only"

    def _check_values(self) -> None:
        check_values(self)
        if isinstance(self.k, bool) or not isinstance(self.k, int) or self.k < 1:
            raise ValueError(f"k must be a whole number of parts, 1 or more, not {self.k!r}")

    def _check_combination(self) -> None:
        both = self.tasks == "mt_and_at"
        if self.mtl != both:
            raise ValueError(f"mtl must be {str(both).lower()} with tasks={self.tasks}")
        if not both:
            paired = ("c1_shared", "c2_shared", "ca_shared", "soft_c1_weight", "soft_c2_weight")
            for name in paired:
                if getattr(self, name):
                    raise ValueError(f"{name} needs pairs of tasks, but tasks={self.tasks}")
            if self.fsa != "none":
                raise ValueError(f"fsa={self.fsa} aligns two tasks, but tasks={self.tasks}")
        if self.ca_shared and not self.ca:
            raise ValueError("ca_shared needs ca")
        for layer in ("c1", "c2"):
            if getattr(self, f"{layer}_shared") and getattr(self, f"soft_{layer}_weight"):
                raise ValueError(f"soft_{layer}_weight must be 0 where {layer}_shared already shares the layer")
        self._check_priors()
        self._check_triplet()

    def _check_priors(self) -> None:
        if (self.prior == "none") == self.has_auxiliary:
            wanted = "a prior other than none" if self.has_auxiliary else "prior=none"
            raise ValueError(f"tasks={self.tasks} needs {wanted}, not prior={self.prior}")
        if (self.test_prior == "none") != self.has_main:
            wanted = "test_prior=none" if self.has_main else "a test_prior other than none"
            raise ValueError(f"tasks={self.tasks} needs {wanted}, not test_prior={self.test_prior}")

    def _check_triplet(self) -> None:
        with_both = "h_plus_g" if self.fsa == "summed_triplet" else "h"
        wanted = {"at_only": "g", "mt_only": "h", "mt_and_at": with_both}[self.tasks]
        if self.triplet_on != wanted:
            raise ValueError(
                f"triplet_on must be {wanted} with tasks={self.tasks} and fsa={self.fsa}, not {self.triplet_on}"
            )


def build(switches: MPNSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.mpn.model import MPN

    return MPN(switches, num_classes, backbone)


ERASING = Erasing(probability=0.5, area=(0.02, 0.4), aspect=(0.3, 3.33), fill=(0.4914, 0.4822, 0.4465))


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently."""

    backbone: str
    sampler: Sampler
    epochs: int
    rate: float
    milestones: tuple[int, ...]
    translation: Translation | None


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", Sampler(6, 8), 70, 0.01, (20, 40, 60), Translation(copies=4, fraction=0.05)),
    "budget": _Effort("resnet18", Sampler(8, 4), 4, 0.02, (3,), None),
    "demo": _Effort("resnet10", Sampler(8, 4), 7, 0.02, (5,), None),
}


def recipe(switches: MPNSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 5.1 for ``paper``; less of the same for ``budget`` and ``demo``. The same on every dataset."""
    effort = EFFORT[profile]
    height, width = TRUNKS[effort.backbone].input_size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=effort.sampler,
        epochs=effort.epochs,
        optimiser=Optimiser("sgd", rate=effort.rate, momentum=0.9, weight_decay=5e-4, nesterov=True),
        schedule=Schedule(milestones=effort.milestones, gamma=0.1),
        augmentation=Augmentation(flip=0.5, translation=effort.translation, erasing=ERASING),
        initialisation=Initialisation("run", method="ide", switches={"spatial_attention": switches.spatial_attention}),
        flip_test=True,
    )


def embedding(switches: MPNSwitches) -> str:
    """The feature that is ranked: h of the MTs (Sec. 4), or g where there are only ATs (Sec. 5.2.1)."""
    return "h" if switches.has_main else "g"


def priors(switches: MPNSwitches) -> PriorNeeds:
    """Parsing and segmentation, where the body's boundaries are read from them."""

    def kinds(prior: str) -> tuple[str, ...]:
        return ("parsing", "segmentation") if prior in ("roi_resize", "mask_roi") else ()

    return PriorNeeds(training=kinds(switches.prior), inference=kinds(switches.test_prior))


METHOD = Method(
    id="mpn",
    paper=Paper(
        title="Multi-task Learning with Coarse Priors for Robust Part-aware Person Re-identification",
        venue="IEEE TPAMI",
        year=2020,
    ),
    switches=MPNSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
    priors=priors,
    attention="Grad-CAM of each part's classifier: the brighter, the more a place counts for that part.",
)
