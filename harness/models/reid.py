"""What every method's network offers the harness."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn


@dataclass
class Batch:
    """One training batch, on the training device.

    ``images`` (B, 3, H, W) normalised floats; ``labels`` (B,) identity indices 0..C-1; ``cameras`` (B,); ``indices``
    (B,) rows of the training split. ``priors`` follow the images' flips and translations: ``parsing`` (B, 64, 32) int64
    labels (see harness.priors), ``segmentation`` (B, 64, 32) bool, ``keypoints`` (B, 17, 3) x and y as fractions of the
    image's width and height, confidence; ``infrared`` (B,) bool, which images are infrared and not visible. ``groups``
    is how many of the sampler's groups stand in it, one after the other. Where several processes train a run,
    ``losses`` gets the batch of all of them, without ``images``.
    """

    images: Tensor
    labels: Tensor
    cameras: Tensor
    indices: Tensor
    priors: dict[str, Tensor] = field(default_factory=dict)
    groups: int = 1


class ReIDModel(nn.Module):
    """Base of all methods' networks.

    ``trunk`` is the backbone that initialisation loads. Subclasses give ``forward``, ``losses``, ``embed`` and
    ``classifiers``; ``attention_maps`` only where the paper shows such maps, ``end_epoch`` only where something changes
    between epochs.
    """

    trunk: nn.Module

    def forward(self, batch: Batch) -> Any:
        """Training features of a batch, in whatever form ``losses`` reads; the first axis of every tensor is images."""
        raise NotImplementedError

    def losses(self, features: Any, batch: Batch) -> dict[str, Tensor]:
        """Scalar losses, named and weighted as in the paper; the harness minimises their sum."""
        raise NotImplementedError

    def embed(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Test features of (B, 3, H, W) normalised images: name -> (B, D), not normalised.

        Cells may be scored by several features side by side, which they name with a plus: ``local+global``.
        """
        raise NotImplementedError

    def classifiers(self) -> Iterable[nn.Module]:
        """The identity classifiers, which parameter counts leave out and inference never uses."""
        raise NotImplementedError

    def attention_maps(self, images: Tensor, priors: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Maps to draw over images, name -> (B, h, w) in 0..1, as in the paper's figures; none by default."""
        return {}

    def end_epoch(self, losses: Mapping[str, float]) -> None:
        """Hear the mean of each named loss over an epoch that ends; what is learnt from it belongs in a buffer."""
