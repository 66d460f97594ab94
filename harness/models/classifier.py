"""The identity classifier: one fully connected layer, used in training only."""

from __future__ import annotations

from torch import nn


def identity_classifier(features: int, identities: int) -> nn.Linear:
    """FC layer from ``features`` to ``identities`` logits, near zero so that all identities start equally likely."""
    classifier = nn.Linear(features, identities)
    nn.init.normal_(classifier.weight, std=0.001)
    nn.init.zeros_(classifier.bias)
    return classifier
