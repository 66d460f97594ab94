"""Costs that papers print beside accuracy, as they were measured: never judged, only set in proportion."""

from __future__ import annotations

from dataclasses import dataclass

from harness.results.record import Cost
from harness.tables import Figure

MEANINGS = {
    "params_m": "Parameters, M: those that the matched feature depends on, without classifiers, and those of a pose "
    "estimator where it reads keypoints.",
    "flops_g": "GFLOPs: multiply-adds of one image, without flip, and those of a pose estimator where the matched "
    "feature reads keypoints; there all that the network computes with poses is counted, whichever feature is matched.",
    "time_s": "Time, s: one query, from its image as a tensor on the device (a blank one) to its feature at batch 1, "
    "without flip, then cosine similarity with every gallery feature (random ones, as many as one trial ranks) and a "
    "full sort. Both are medians, added: of 3 to 200 repeats, as many as fit into 0.3 s and 0.2 s, the device "
    "synchronised around each, after 20 warm-ups or 1 s of them. Decoding, the normalisation of the query's feature, "
    "the gallery's features and a pose estimator are not in it.",
}
"""What each cost that can be measured beside accuracy means."""


@dataclass(frozen=True)
class MeasuredCost:
    """One cost of one cell, in the unit of its metric; None where its record does not hold it."""

    metric: str
    value: float | None
    published: Figure | None

    @property
    def ratio(self) -> float | None:
        """Measured over published; None where either is missing."""
        return self.value / self.published if self.value is not None and self.published else None


def measured_cost(cost: Cost, metric: str) -> float | None:
    """A metric of MEANINGS from a record's ``cost``, in the unit that papers print; None for any other metric."""
    if metric == "params_m":
        return (cost["parameters"]["inference"] + (cost["parameters_of_priors"] or 0)) / 1e6
    if metric == "flops_g":
        return (cost["macs"]["macs"] + (cost["macs_of_priors"] or 0)) / 1e9
    if metric == "time_s":
        return query_seconds(cost)
    return None


def query_seconds(cost: Cost) -> float:
    """Seconds of one query: its feature at batch 1, and matching; medians, added."""
    latency = cost["latency"]
    return (latency["features_batch1"]["median_ms"] + latency["matching"]["median_ms"]) / 1e3
