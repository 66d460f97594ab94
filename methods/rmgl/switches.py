"""The switches of RMGL."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from harness.switches import check_values

PathName = Literal["original", "receptive"]
CutPosition = Literal["input", "res_2", "res_3", "res_4", "res_5"]


@dataclass(frozen=True)
class RMGLSwitches:
    """The switches of the paper's ablations, and the choices that it leaves open. The defaults are RMGL."""

    stripes: tuple[int, ...] = (2, 3)
    """Number of stripes per branch. A branch of 1 stripe has the global feature only, and no receptive path."""
    original_path: bool = True
    receptive_partition: bool = True
    """There is a second path: the same weights, run on each stripe by itself (Sec. III-B)."""
    rp_position: CutPosition = "res_3"
    """The first stage that sees stripes; ``res_3`` follows ``res_conv2c`` (Fig. 9)."""
    receptive_global: bool = True
    """The receptive path has a global feature as well."""
    path_norms: Literal["shared", "separate"] = "shared"
    """Whether the paths of a branch share their BN as well as their convolutions."""
    path_reductions: Literal["separate", "shared"] = "separate"
    reduction_relu: bool = False
    """A ReLU follows the reduction's BN, as in MGN."""
    classifier_start: Literal["kaiming", "near_zero"] = "kaiming"
    """Kaiming without a bias, or the harness's own start: near zero, with a bias."""
    global_branch_stride: Literal[1, 2] = 2
    """Stride of conv5 in a branch of 1 stripe (2 in MGN)."""
    activation_balanced_pooling: bool = True
    abp_phase: Literal["test", "both"] = "test"
    """Stripes are balanced at test only, or also in training."""
    abp_paths: Literal["original", "both"] = "original"
    local_pooling: Literal["max", "avg"] = "max"
    """Pooling of each stripe, in training and at test. ``avg`` is Eq. 11 as printed."""
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
    """The triplet loss compares features of unit length."""
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
        """The paths of a branch. One part needs no cut, so such a branch has the original path only."""
        if parts == 1 or not self.receptive_partition:
            return ("original",)
        return ("original", "receptive") if self.original_path else ("receptive",)

    @property
    def balanced_paths(self) -> tuple[PathName, ...]:
        """The paths whose stripes are moved by activation balanced pooling."""
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
