"""Loss functions that several methods share."""

from harness.losses.centre import CentreLoss
from harness.losses.distance import cosine_distance, pairwise_cosine_distance, pairwise_euclidean_distance
from harness.losses.identity import identity_loss
from harness.losses.triplet import Margin, batch_hard_triplet

__all__ = [
    "CentreLoss",
    "Margin",
    "batch_hard_triplet",
    "cosine_distance",
    "identity_loss",
    "pairwise_cosine_distance",
    "pairwise_euclidean_distance",
]
