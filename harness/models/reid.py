"""The interface of every method's network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn


@dataclass
class Batch:
    """One training batch, on the training device.

    With several processes per run, ``losses`` gets the batch of all processes, without ``images``.

    Attributes:
        images: (B, 3, H, W) normalised floats.
        labels: (B,) identity indices 0..C-1.
        cameras: (B,) camera numbers.
        indices: (B,) rows of the training split.
        priors: By kind; they follow the flips and translations of the images. ``parsing``: (B, 64, 32) int64 labels
            (see harness.priors). ``segmentation``: (B, 64, 32) bool. ``keypoints``: (B, 17, 3) with x and y as
            fractions of the image's width and height, and confidence. ``infrared``: (B,) bool, infrared or visible.
        groups: Number of the sampler's groups in the batch, one after the other.
        infrared_count: Number of infrared images, known without waiting for a GPU; None where it is not.
    """

    images: Tensor
    labels: Tensor
    cameras: Tensor
    indices: Tensor
    priors: dict[str, Tensor] = field(default_factory=dict)
    groups: int = 1
    infrared_count: int | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        flags = self.priors.get("infrared")
        if flags is not None and flags.device.type == "cpu":
            self.infrared_count = int(flags.numpy().sum())


class ReIDModel(nn.Module):
    """Base class of all methods' networks.

    ``trunk`` is the backbone, which may load initial weights. Subclasses define ``forward``, ``losses``, ``embed`` and
    ``classifiers``. They define ``attention_maps`` if the paper shows such maps, and ``end_epoch`` if something changes
    between epochs.
    """

    trunk: nn.Module

    def forward(self, batch: Batch) -> Any:
        """Training features of a batch, in the form that ``losses`` reads. The first axis of each tensor is images."""
        raise NotImplementedError

    def losses(self, features: Any, batch: Batch) -> dict[str, Tensor]:
        """Scalar losses, named and weighted as in the paper; the harness minimises their sum."""
        raise NotImplementedError

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Test features of (B, 3, H, W) normalised images: name -> (B, D), not normalised.

        A cell may be scored by several concatenated features, named with a plus: ``local+global``.
        """
        raise NotImplementedError

    def classifiers(self) -> Iterable[nn.Module]:
        """The identity classifiers. Inference never uses them, so parameter counts leave them out."""
        raise NotImplementedError

    def attention_maps(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Maps to draw over images, as in the paper's figures: name -> (B, h, w) in 0..1. None by default."""
        return {}

    def end_epoch(self, losses: Mapping[str, float]) -> None:
        """Called after each epoch with the mean of each named loss. Keep state that depends on it in a buffer."""
