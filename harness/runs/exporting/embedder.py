"""The object that ``harness.load`` gives: it embeds images as the run's evaluation does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from harness.errors import BadInput
from harness.progress import Progress
from harness.results.exported import NetworkFacts
from harness.runs.exporting.network import EmbeddingNetwork
from harness.runs.exporting.pixels import Images, listed, resized
from harness.training.augmentation import normalise

BATCH = 64

Infrared = bool | Sequence[bool]
"""Whether images are infrared: one answer for all, or one per image."""


class Embedder:
    """A trained network with the preparation of its images.

    Attributes:
        facts: The cell, method, feature and image size.
        network: From normalised images to features; on ``device``, in inference mode.
        device: The device that it computes on.
    """

    def __init__(self, facts: NetworkFacts, network: EmbeddingNetwork, device: str) -> None:
        self.facts, self.device = facts, torch.device(device)
        self.network = network.eval().to(self.device)

    def embed(self, images: Images, infrared: Infrared | None = None, progress: Progress | None = None) -> Tensor:
        """Features of images, (N, D) float32 on the CPU, each of length 1: a dot product is the cosine similarity.

        Images are resized and normalised as in the run's evaluation, and embedded with their mirrors if it did so.

        Args:
            images: PIL images, paths of image files, or RGB tensors (3, H, W) of uint8 in 0..255 or floats in 0..1,
                not normalised; one, a sequence, or a tensor (N, 3, H, W).
            infrared: Whether they are infrared; only for a network with a stem per modality, which needs it.
            progress: Called with the images done and all images.

        Raises:
            BadInput: There is no image, one cannot be decoded, or ``infrared`` is missing or not needed.
        """
        every = listed(images)
        flags = self._flags(infrared, len(every))
        features = []
        for start in range(0, len(every), BATCH):
            batch = every[start : start + BATCH]
            features.append(self._embedded(batch, None if flags is None else flags[start : start + BATCH]))
            if progress is not None:
                progress(start + len(batch), len(every))
        return torch.cat(features)

    @property
    def dimensions(self) -> int:
        """D, the length of a feature."""
        black = Image.new("RGB", (self.facts["width"], self.facts["height"]))
        return self.embed(black, False if self.facts["reads_infrared"] else None).shape[1]

    def prepare(self, images: Images) -> Tensor:
        """Images as the network reads them: (N, 3, height, width) float32, resized and normalised, on the CPU."""
        pixels = resized(listed(images), self.facts["height"], self.facts["width"])
        return normalise(torch.from_numpy(pixels))

    @torch.inference_mode()
    def _embedded(self, images: Images, infrared: Tensor | None) -> Tensor:
        prepared = self.prepare(images).to(self.device)
        features: Tensor = self.network(prepared, None if infrared is None else infrared.to(self.device))
        return features.cpu()

    def _flags(self, infrared: Infrared | None, count: int) -> Tensor | None:
        """Whether each of ``count`` images is infrared; None where the network does not ask."""
        method = self.facts["method"]
        if not self.facts["reads_infrared"]:
            if infrared is not None:
                raise BadInput(f"{method} embeds visible and infrared images alike; leave infrared out")
            return None
        if infrared is None:
            raise BadInput(f"{method} has a stem per modality; say which images are infrared: infrared=True or a list")
        flags = torch.full((count,), infrared) if isinstance(infrared, bool) else torch.as_tensor(infrared)
        if flags.shape != (count,) or flags.dtype != torch.bool:
            raise BadInput(f"infrared must be true, false or a list of {count} of these, one per image")
        return flags
