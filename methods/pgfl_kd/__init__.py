"""PGFL-KD: Pose-Guided Feature Learning with Knowledge Distillation for Occluded Person Re-ID (ACM MM 2021)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.method import Method, Paper, PriorNeeds
from harness.models.catalogue import TRUNKS
from harness.recipe import Augmentation, Erasing, Initialisation, Optimiser, Profile, Recipe, Sampler, Schedule
from harness.switches import check_values

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel

Feature = Literal["f_G", "f_P", "f_V", "f_F", "f_E"]
Similarity = Literal["dot_gap", "dot_sum", "cosine"]
Reduction = Literal["mean", "sum", "normalised"]


@dataclass(frozen=True)
class PGFLKDSwitches:
    """Every switch that the paper's ablations turn; the defaults are its full method, row 6 of Table 6.

    A loss that is switched off has weight 0, and weight 0 switches it off: the two are one variant. So
    ``dataclasses.replace`` must give the weight, too, where it turns a loss on. Raises ValueError, in one sentence, for
    a value or a combination that names no variant.
    """

    sab: bool = True
    """The body part semantics aligned branch (Sec. 3.3), with a ReID loss on f_P or, by ``interaction``, on f_V."""
    interaction: bool = True
    """Its ReID loss is on the fused f_V = f_G + f_P (Eq. 6) instead of on f_P."""
    multi_part_contrastive: bool = True
    """Distillation of f_P into f_G by L_MCL (Eq. 5)."""
    sab_consistent: bool = False
    """Distillation of f_P into f_G by a squared distance instead (Table 7)."""
    feb: bool = True
    """The foreground-enhanced branch (Sec. 3.2), with a ReID loss on f_E."""
    consistent: bool = True
    """Distillation of f_E into f_G by L_CL (Eq. 4)."""
    lambda_cl: float = 0.25
    lambda_mcl: float = 0.25
    lambda_sab_cl: float = 0.25
    """Weight of Table 7's squared distance, which the paper does not print."""
    feature: Feature = "f_G"
    """The feature that is matched at test (Table 8); all but f_G read keypoints."""
    feb_similarity: Similarity = "dot_gap"
    """Eq. 2's similarity: dot products with f_L as average-pooled or as sum-pooled, or the prose's cosine."""
    consistent_reduction: Reduction = "mean"
    """||.||^2 of Eq. 4: over channels a mean or the literal sum, or of vectors normalised before."""
    mcl_normalise: bool = False
    """Eq. 5 on blocks of length 1, as in CoCLR [6], instead of on raw ones."""
    mcl_temperature: float = 1.0
    """What the dot products of Eq. 5 are divided by."""

    def __post_init__(self) -> None:
        self._check_values()
        self._check_combination()
        for term, weight in (
            ("consistent", "lambda_cl"),
            ("multi_part_contrastive", "lambda_mcl"),
            ("sab_consistent", "lambda_sab_cl"),
        ):
            if not (getattr(self, term) and getattr(self, weight)):
                object.__setattr__(self, term, False)
                object.__setattr__(self, weight, 0.0)

    def _check_values(self) -> None:
        check_values(self)
        if not self.mcl_temperature:
            raise ValueError("mcl_temperature must be above 0, for dot products are divided by it")

    def _check_combination(self) -> None:
        needs = {"interaction": "sab", "multi_part_contrastive": "sab", "sab_consistent": "sab", "consistent": "feb"}
        for name, branch in needs.items():
            if getattr(self, name) and not getattr(self, branch):
                raise ValueError(f"{name} needs {branch}, the branch that it belongs to")
        if self.sab_consistent and self.multi_part_contrastive:
            raise ValueError("sab_consistent replaces multi_part_contrastive; switch one of them off")
        maker = {"f_P": "sab", "f_V": "interaction", "f_F": "feb", "f_E": "feb"}.get(self.feature)
        if maker and not getattr(self, maker):
            raise ValueError(f"feature={self.feature} needs {maker}, which trains it")


def build(switches: PGFLKDSwitches, num_classes: int, backbone: str) -> ReIDModel:
    """The network. Torch is imported here, so that listing and planning need none."""
    from methods.pgfl_kd.model import PGFLKD

    return PGFLKD(switches, num_classes, backbone)


@dataclass(frozen=True)
class _Effort:
    """What the profiles spend differently. ``padding`` is in pixels of the profile's own image size."""

    backbone: str
    sampler: Sampler
    epochs: int
    rate: float
    milestones: tuple[int, ...]
    padding: int
    initialisation: Initialisation


EFFORT: dict[Profile, _Effort] = {
    "paper": _Effort("resnet50", Sampler(4, 16), 120, 3.5e-4, (30, 70), 10, Initialisation("imagenet")),
    "budget": _Effort("resnet18", Sampler(8, 4), 2, 3.5e-4, (1,), 5, Initialisation("run", method="ide")),
    "demo": _Effort("resnet10", Sampler(8, 4), 24, 2e-3, (16, 21), 5, Initialisation("run", method="ide")),
}


def recipe(switches: PGFLKDSwitches, dataset: str, profile: Profile) -> Recipe:
    """Sec. 4.2 for ``paper``; less of the same for ``budget`` and ``demo``. The same on every dataset."""
    effort = EFFORT[profile]
    height, width = TRUNKS[effort.backbone].input_size
    return Recipe(
        backbone=effort.backbone,
        height=height,
        width=width,
        sampler=effort.sampler,
        epochs=effort.epochs,
        optimiser=Optimiser("adam", rate=effort.rate, weight_decay=5e-4),
        schedule=Schedule(milestones=effort.milestones, gamma=0.1),
        augmentation=Augmentation(flip=0.5, padding=effort.padding, erasing=Erasing()),
        initialisation=effort.initialisation,
        flip_test=False,
    )


def embedding(switches: PGFLKDSwitches) -> str:
    """The feature that is matched: f_G (Sec. 3.5), or another one (Table 8)."""
    return switches.feature


def priors(switches: PGFLKDSwitches) -> PriorNeeds:
    """Keypoints in training where there is a pose-guided branch; at test only where Table 8 matches such a feature."""
    return PriorNeeds(
        training=("keypoints",) if switches.sab or switches.feb else (),
        inference=() if switches.feature == "f_G" else ("keypoints",),
    )


METHOD = Method(
    id="pgfl_kd",
    paper=Paper(
        title="Pose-Guided Feature Learning with Knowledge Distillation for Occluded Person Re-Identification",
        venue="ACM International Conference on Multimedia",
        year=2021,
    ),
    switches=PGFLKDSwitches,
    build=build,
    recipe=recipe,
    embedding=embedding,
    test_switches=frozenset({"feature"}),
    priors=priors,
    attention=(
        "Responses: the feature map F, averaged over channels (Fig. 1 and 4); foreground: the weights of the FEB "
        "(Eq. 2), in rows that read poses at test. Each from its least to its greatest value."
    ),
)
