"""The network that is taken away: from prepared images to the feature that evaluation ranks, of length 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.models.reid import ReIDModel
from harness.models.two_streams import TwoStreamTrunk
from harness.runs.evaluation import ScoredFeature


class EmbeddingNetwork(nn.Module):
    """A trained network with one output, the cell's own feature.

    As in evaluation, the features of an image and of its mirror are added, and the sum is normalised once. So the
    cosine similarity of two images is the dot product of their features.
    """

    def __init__(self, model: ReIDModel, feature: str, flip_test: bool) -> None:
        super().__init__()
        if isinstance(model.trunk, TwoStreamTrunk):
            model.trunk = SelectingTrunk(model.trunk)
        self.model, self.feature, self.flip_test = model, ScoredFeature(feature), flip_test

    def forward(self, images: Tensor, infrared: Tensor | None = None) -> Tensor:
        """Normalised images (B, 3, H, W), and whether each is infrared (B,) bool, to features (B, D) of length 1."""
        features = self._embed(images, infrared)
        if self.flip_test:
            features = features + self._embed(images.flip(3), infrared)
        return nn.functional.normalize(features, dim=1)

    def _embed(self, images: Tensor, infrared: Tensor | None) -> Tensor:
        return self.feature.of(self.model.embed(images, {} if infrared is None else {"infrared": infrared})).float()


class SelectingTrunk(TwoStreamTrunk):
    """A two-stream trunk whose stems both see every image; each image keeps the map of its own modality.

    No shape depends on how many images are infrared, so the trunk can be exported. The stems are a small part of it.
    """

    def __init__(self, trunk: TwoStreamTrunk) -> None:
        nn.Module.__init__(self)
        self.stems, self.shared, self.channels = trunk.stems, trunk.shared, trunk.channels

    def stem(self, images: Tensor, infrared: Tensor, infrared_count: int | None = None) -> Tensor:
        """Pass each image through the stem of its modality: (B, C, H / 4, W / 4)."""
        visible, seen_in_infrared = (stem(images) for stem in self.stems)
        return torch.where(infrared[:, None, None, None], seen_in_infrared, visible)
