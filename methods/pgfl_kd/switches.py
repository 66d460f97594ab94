"""The switches of PGFL-KD."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.switches import check_values

Feature = Literal["f_G", "f_P", "f_V", "f_F", "f_E"]
Similarity = Literal["dot_gap", "dot_sum", "cosine"]
Reduction = Literal["mean", "sum", "normalised"]
Triplet = Literal["margin", "soft_margin", "products"]
Variant = Literal["paper", "own_layer4", "unit_vectors", "reconciled"]

VARIANTS: dict[tuple[bool, bool], Variant] = {
    (False, False): "paper",
    (True, False): "own_layer4",
    (False, True): "unit_vectors",
    (True, True): "reconciled",
}
"""The name of a variant, by whether it has a layer4 of its own and unit vectors."""


@dataclass(frozen=True)
class PGFLKDSwitches:
    """The switches of the paper's ablations. The defaults are the full method, row 6 of Table 6.

    A loss that is off has weight 0, and a loss of weight 0 is off: the two are one variant. To turn a loss on with
    ``dataclasses.replace``, give its weight as well. ``variant`` forgets a reading of what is off.
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
    feature: Feature = "f_G"
    """The feature that is matched at test (Table 8). All but f_G read keypoints."""
    feb_similarity: Similarity = "dot_gap"
    """The similarity in Eq. 2: a dot product with the average-pooled or sum-pooled f_L, or the prose's cosine."""
    consistent_reduction: Reduction = "mean"
    """||.||^2 of Eq. 4: the mean over channels, the literal sum, or the sum for normalised vectors."""
    triplet: Triplet = "margin"
    """The triplet loss of L_ReID: with BoT's margin, with a soft one, or Eq. 7, which is soft and compares products."""
    variant: Variant = "paper"
    """The text as printed, or read beside what else is known (README.md has the measurements).

    ``own_layer4``: the pose-guided branches have a last stage of their own, which Table 8's costs fit.
    ``unit_vectors``: Eq. 5 compares vectors of unit length, divided by 0.07, as CoCLR [6] does.
    ``reconciled``: both.
    """

    def __post_init__(self) -> None:
        check_values(self)
        self._check_combination()
        for term, weight in (
            ("consistent", "lambda_cl"),
            ("multi_part_contrastive", "lambda_mcl"),
            ("sab_consistent", "lambda_sab_cl"),
        ):
            if not (getattr(self, term) and getattr(self, weight)):
                object.__setattr__(self, term, False)
                object.__setattr__(self, weight, 0.0)
        object.__setattr__(self, "variant", VARIANTS[self.own_layer4, self.unit_vectors])

    @property
    def own_layer4(self) -> bool:
        """Whether the pose-guided branches, if there are any, have a last stage of their own."""
        return self.variant in ("own_layer4", "reconciled") and (self.sab or self.feb)

    @property
    def unit_vectors(self) -> bool:
        """Whether Eq. 5, if it is trained, compares vectors of unit length."""
        return self.variant in ("unit_vectors", "reconciled") and self.multi_part_contrastive

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
