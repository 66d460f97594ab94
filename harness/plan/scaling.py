"""Device-hours and wall time of a plan on recorded hardware.

A training costs its images × the multiply-adds per image × 3 (one forward, two backward), at the speed recorded for the
most similar network (``Hardware.macs_per_second``). Evaluations take seconds to minutes each and are left out.

With several devices, each run has one device to itself. A free device takes the longest run that may start. A run that
starts from another run's weights waits for that run.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.plan.throughput import FORWARD_PASSES_PER_TRAINING_IMAGE, Hardware

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Training:
    """A training still to be done."""

    run: str
    after: str | None
    """The run whose weights it starts from."""
    method: str
    images: int
    """Images that pass through the network in the whole training."""
    macs: int
    """Multiply-adds of one forward pass for one image."""

    def seconds(self, macs_per_second: float) -> float:
        """Its time at that speed."""
        return self.images * self.macs * FORWARD_PASSES_PER_TRAINING_IMAGE / macs_per_second


@dataclass(frozen=True)
class Scaling:
    """The trainings of a plan on one kind of device."""

    trainings: Sequence[Training]
    hardware: Hardware

    def seconds(self, training: Training) -> float:
        """Expected time of one training."""
        return training.seconds(self.hardware.macs_per_second(training.method, training.macs))

    @property
    def device_hours(self) -> float:
        """Expected hours of all trainings, one after another."""
        return sum(map(self.seconds, self.trainings)) / SECONDS_PER_HOUR

    def device_hours_at(self, macs_per_second: float) -> float:
        """Hours of all trainings, one after another, if each ran at that speed."""
        return sum(training.seconds(macs_per_second) for training in self.trainings) / SECONDS_PER_HOUR

    def wall_hours(self, devices: int) -> float:
        """Hours until the last training ends, on that many devices."""
        return makespan(self.trainings, self.seconds, devices) / SECONDS_PER_HOUR


def makespan(trainings: Sequence[Training], seconds: Callable[[Training], float], devices: int) -> float:
    """Seconds until the last training ends, by list scheduling, the longest training first.

    A training that starts from a run outside ``trainings`` may start at once: that run counts as done.
    """
    known = {training.run for training in trainings}
    followers: dict[str, list[Training]] = {}
    ready: list[tuple[float, str, Training]] = []

    def may_start(training: Training) -> None:
        heapq.heappush(ready, (-seconds(training), training.run, training))

    for training in trainings:
        if training.after in known:
            followers.setdefault(str(training.after), []).append(training)
        else:
            may_start(training)
    now, running = 0.0, list[tuple[float, str]]()
    while ready or running:
        while ready and len(running) < devices:
            negative, run, _ = heapq.heappop(ready)
            heapq.heappush(running, (now - negative, run))
        now, run = heapq.heappop(running)
        for follower in followers.get(run, ()):
            may_start(follower)
    return now
