"""The log of a training, one entry per finished epoch. Needs no torch."""

from __future__ import annotations

from typing import TypedDict


class TrainingLog(TypedDict):
    """One entry per finished epoch in every list; ``losses`` holds such a list per named loss.

    ``epoch`` counts from 1. ``loss`` is the mean of the summed losses, ``rate`` the learning rate of the last
    iteration, ``seconds`` the time of the epoch.
    """

    epoch: list[int]
    loss: list[float]
    losses: dict[str, list[float]]
    rate: list[float]
    images_per_second: list[float]
    seconds: list[float]


def empty_log() -> TrainingLog:
    """The log of a training that has not finished an epoch."""
    return {"epoch": [], "loss": [], "losses": {}, "rate": [], "images_per_second": [], "seconds": []}
