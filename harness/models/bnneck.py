"""BNNeck: batch normalisation between the feature for metric losses and the classifier (Luo et al., CVPRW 2019)."""

from __future__ import annotations

from torch import nn


class BNNeck(nn.BatchNorm1d):
    """(B, D) to (B, D). The bias stays 0, so that the classifier's hyperplanes pass through the origin (Sec. 3.5)."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.bias.requires_grad_(False)


def bias_free_classifier(width: int, identities: int) -> nn.Linear:
    """Linear layer without bias, from ``width`` features to ``identities`` logits, initialised near zero."""
    classifier = nn.Linear(width, identities, bias=False)
    nn.init.normal_(classifier.weight, std=0.001)
    return classifier
