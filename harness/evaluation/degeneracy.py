"""Signs that a network has collapsed: it tells nobody apart, whatever its figures. Needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import numpy as np
from numpy.typing import NDArray

Sign = Literal["triplet loss at collapse", "identity loss at chance", "features of one direction", "mAP at chance"]

EPOCHS = 3
"""Epochs in a row that a loss must stand at its collapsed value, or a tenth of the training if that is longer."""
TRIPLET_TOLERANCE = 0.01
IDENTITY_TOLERANCE = 0.02
"""Distance from the collapsed value, as a share of it. An identity loss above chance counts as well."""
ONE_DIRECTION = 0.999
"""Mean cosine of all pairs of features from which they are of one direction."""
MAP_TOLERANCE = 0.25
"""How far above chance an mAP is still at chance, as a share of chance."""


class Degeneracy(TypedDict):
    """A sign of collapse: the loss, feature or metric that shows it, its value, and the value at collapse."""

    sign: Sign
    where: str
    value: float
    collapsed: float


@dataclass(frozen=True)
class CollapsedLosses:
    """The named losses of a network that gives every image the same feature and every identity the same chance.

    Those whose name begins with ``triplet``, ``id`` or ``classification`` are watched, after ``warmup`` of ``epochs``.
    """

    values: Mapping[str, float]
    warmup: int
    epochs: int

    def degeneracy(self, losses: Mapping[str, Sequence[float]]) -> Degeneracy | None:
        """The first sign in the mean losses of the epochs so far."""
        needed = max(EPOCHS, math.ceil(self.epochs / 10))
        for name, means in losses.items():
            last, collapsed = list(means[self.warmup :][-needed:]), self.values.get(name, 0.0)
            if len(last) < needed or collapsed <= 0:
                continue
            sign = _sign_of(name, last, collapsed)
            if sign:
                return {"sign": sign, "where": name, "value": last[-1], "collapsed": collapsed}
        return None


def _sign_of(name: str, means: Sequence[float], collapsed: float) -> Sign | None:
    kind = name.partition("_")[0]
    if kind == "triplet" and all(abs(mean - collapsed) <= TRIPLET_TOLERANCE * collapsed for mean in means):
        return "triplet loss at collapse"
    if kind in ("id", "classification") and min(means) >= (1 - IDENTITY_TOLERANCE) * collapsed:
        return "identity loss at chance"
    return None


def degeneracy_of_features(features: NDArray[Any], name: str) -> Degeneracy | None:
    """Whether features (N, D) are of one direction: the mean cosine of all pairs is near 1."""
    rows = features.astype(np.float64)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    cosine = float(np.square((rows / np.maximum(lengths, np.finfo(np.float64).tiny)).mean(0)).sum())
    if cosine < ONE_DIRECTION:
        return None
    return {"sign": "features of one direction", "where": name, "value": cosine, "collapsed": 1.0}


def degeneracy_of_map(percent: float, matches: NDArray[Any], gallery: int) -> Degeneracy | None:
    """Whether an mAP in percent is that of a random ranking.

    Args:
        percent: The mAP.
        matches: Matches of each query (Q,); queries without any do not count.
        gallery: Images that a query is matched against.
    """
    chance = 100 * float(np.mean([chance_precision(int(count), gallery) for count in matches if count]))
    if percent > (1 + MAP_TOLERANCE) * chance:
        return None
    return {"sign": "mAP at chance", "where": "map", "value": percent, "collapsed": chance}


def chance_precision(matches: int, gallery: int) -> float:
    """Expected average precision of ``matches`` images ranked at random among ``gallery``.

    Examples:
        >>> chance_precision(1, 2), chance_precision(2, 2)
        (0.75, 1.0)
    """
    harmonic = math.fsum(1 / rank for rank in range(1, gallery + 1))
    others = (matches - 1) / (gallery - 1) * (gallery - harmonic) if gallery > 1 else 0.0
    return (harmonic + others) / gallery
