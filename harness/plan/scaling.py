"""Scaling on paper: what a plan costs on recorded hardware, and how long it takes on several such devices.

A training takes its images x the multiply-adds of an image x 3 (forward and backward), at the rate that was recorded
for the network most like it (``Hardware.rate``). Evaluations, which take seconds to minutes each, are left out. On
several devices each run has one to itself; whenever one is free it takes the run that takes longest among those that
may start, and a run that starts from another's weights waits for that one.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.plan.throughput import FORWARD_AND_BACKWARD, Hardware

DEVICES = (1, 4, 8, 32)


@dataclass(frozen=True)
class Training:
    """A training that is still to be done: how many ``images`` pass through it, of ``macs`` multiply-adds each.

    ``after`` is the run that it starts from.
    """

    run: str
    after: str | None
    method: str
    images: int
    macs: int

    def seconds(self, rate: float) -> float:
        """How long it takes at so many multiply-adds a second."""
        return self.images * self.macs * FORWARD_AND_BACKWARD / rate


@dataclass(frozen=True)
class Scaling:
    """The trainings of a plan on one kind of device."""

    trainings: Sequence[Training]
    hardware: Hardware

    def seconds(self, training: Training) -> float:
        """Expected time of one training."""
        return training.seconds(self.hardware.rate(training.method, training.macs))

    def as_json(self) -> dict[str, Any]:
        """Device-hours (also at the slowest and at the fastest rate recorded) and hours on each number of devices."""
        slowest, fastest = self.hardware.extremes
        return {
            "hardware": self.hardware.name,
            "is_gpu": self.hardware.is_gpu,
            "trainings_measured": len(self.hardware.measured),
            "multiply_adds_per_second": [slowest, fastest],
            "device_hours": self._hours(self.seconds),
            "device_hours_at_fastest_rate": self._hours(lambda training: training.seconds(fastest)),
            "device_hours_at_slowest_rate": self._hours(lambda training: training.seconds(slowest)),
            "wall_hours": {str(devices): makespan(self.trainings, self.seconds, devices) / 3600 for devices in DEVICES},
        }

    def _hours(self, seconds: Callable[[Training], float]) -> float:
        return sum(map(seconds, self.trainings)) / 3600


def makespan(trainings: Sequence[Training], seconds: Callable[[Training], float], devices: int) -> float:
    """Seconds until the last training ends, by list scheduling on so many devices, the longest first.

    What a training starts from counts as done where it is not among them.
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


def as_lines(scalings: Sequence[Scaling]) -> list[str]:
    """Two lines for each kind of device, and one where no GPU is among them."""
    lines = []
    for found in (scaling.as_json() for scaling in scalings):
        slowest, fastest = (rate / 1e9 for rate in found["multiply_adds_per_second"])
        low, high = found["device_hours_at_fastest_rate"], found["device_hours_at_slowest_rate"]
        kind = "GPU" if found["is_gpu"] else "device"
        walls = ", ".join(f"{duration(hours * 3600)} on {count}" for count, hours in found["wall_hours"].items())
        lines += [
            f"  {found['hardware']}: about {found['device_hours']:,.0f} {kind}-hours ({low:,.0f} to {high:,.0f}), as "
            f"{found['trainings_measured']} recorded trainings did {slowest:,.0f} to {fastest:,.0f} G multiply-adds/s",
            f"    wall time: {walls} such {kind}s, a training on each",
        ]
    if not scalings:
        lines.append("  no throughput is recorded yet; run any table, and the time of all others can be told")
    elif not any(scaling.hardware.is_gpu for scaling in scalings):
        lines.append("  no GPU has been measured here: these are device-hours of that CPU, and say nothing of a GPU's")
    return lines


def duration(seconds: float) -> str:
    """Time in the unit that reads best."""
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 2:
        return f"{seconds:.0f} s"
    if hours < 2:
        return f"{minutes:.0f} min"
    return f"{hours:.1f} h" if hours < 100 else f"{hours / 24:,.0f} days"
