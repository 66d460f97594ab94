"""The switches of PGFL-KD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.switches import check_values

Feature = Literal["f_G", "f_P", "f_V", "f_F", "f_E"]
Similarity = Literal["dot_gap", "dot_sum", "cosine"]
Reduction = Literal["mean", "sum", "normalised"]


@dataclass(frozen=True)
class PGFLKDSwitches:
    """The switches of the paper's ablations. The defaults are the full method, row 6 of Table 6.

    A loss that is off has weight 0, and a loss of weight 0 is off: the two are one variant. To turn a loss on with
    ``dataclasses.replace``, give its weight as well.
    """

    sab: bool = True
    """The body part semantics aligned branch (Sec. 3.3). Its ReID loss is on f_P or, with ``interaction``, on f_V."""
    interaction: bool = True
    """The branch's ReID loss is on the fused f_V = f_G + f_P (Eq. 6) instead of on f_P."""
    multi_part_contrastive: bool = True
    """Distillation of f_P into f_G by L_MCL (Eq. 5)."""
    sab_consistent: bool = False
    """Distillation of f_P into f_G by a squared distance instead of L_MCL (Table 7)."""
    feb: bool = True
    """The foreground-enhanced branch (Sec. 3.2), with a ReID loss on f_E."""
    consistent: bool = True
    """Distillation of f_E into f_G by L_CL (Eq. 4)."""
    lambda_cl: float = 0.25
    lambda_mcl: float = 0.25
    lambda_sab_cl: float = 0.25
    """Weight of Table 7's squared distance. The paper does not print it."""
    pose_layer4: Literal["shared", "own"] = "shared"
    """The last stage that the pose-guided branches read: the main branch's, or a copy, which Table 8's costs fit."""
    feature: Feature = "f_G"
    """The feature that is matched at test (Table 8). All but f_G read keypoints."""
    feb_similarity: Similarity = "dot_gap"
    """The similarity in Eq. 2: a dot product with the average-pooled or sum-pooled f_L, or the prose's cosine."""
    consistent_reduction: Reduction = "mean"
    """||.||^2 of Eq. 4: the mean over channels, the literal sum, or the sum for normalised vectors."""
    mcl_normalise: bool = False
    """Eq. 5 uses blocks of unit length, as CoCLR [6] does, instead of raw ones."""
    mcl_temperature: float = 1.0
    """The dot products of Eq. 5 are divided by it."""

    def __post_init__(self) -> None:
        self._check_values()
        self._check_combination()
        if not (self.sab or self.feb):
            object.__setattr__(self, "pose_layer4", "shared")
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
