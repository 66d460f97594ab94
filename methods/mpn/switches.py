"""The switches of MPN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from harness.switches import AtLeast, check_values


@dataclass(frozen=True)
class MPNSwitches:
    """The switches of the paper's ablations. The defaults are the full method, "MPN" of Table 1."""

    tasks: Literal["at_only", "mt_only", "mt_and_at"] = "mt_and_at"
    mtl: bool = True
    """Both tasks are trained. It follows from ``tasks``."""
    c1_shared: bool = True
    """Both tasks of a part share the first 1x1 convolution and its BN, as one module (Sec. 3.3)."""
    c2_shared: bool = True
    ca: bool = True
    """Channel attention between pooling and the second convolution (Fig. 6)."""
    ca_shared: bool = True
    fsa: Literal["none", "batch_mean", "summed_triplet", "sample_cosine", "class_mean"] = "class_mean"
    """Feature space alignment (Sec. 3.5 and 5.3.3)."""
    prior: Literal["none", "uniform", "roi_resize", "mask_roi"] = "mask_roi"
    """The division into parts that the ATs see in training (Sec. 3.2 and 5.3.1)."""
    test_prior: Literal["none", "uniform", "roi_resize", "mask_roi"] = "none"
    """The division into parts at inference, for variants that have only ATs."""
    triplet_on: Literal["h", "g", "h_plus_g"] = "h"
    soft_c1_weight: float = 0.0
    """Weight of the soft sharing of the first convolution (Sec. 5.3.2)."""
    soft_c2_weight: float = 0.0
    spatial_attention: Literal["none", "rga_s"] = "none"
    """RGA-S in the trunk (MPN*, Sec. 5.4.1)."""
    k: Annotated[int, AtLeast(1)] = 6
    """Number of body parts."""
    triplet_weight: float = 1.0
    """1 is the printed loss, 2 the loss of the authors' released code."""

    def __post_init__(self) -> None:
        check_values(self)
        self._check_combination()

    @property
    def has_main(self) -> bool:
        """Whether the variant has MTs."""
        return self.tasks != "at_only"

    @property
    def has_auxiliary(self) -> bool:
        """Whether the variant has ATs."""
        return self.tasks != "mt_only"

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
