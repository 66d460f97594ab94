"""How fast networks were trained on the hardware that has been recorded, as multiply-adds a second."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from harness.machine.hardware import device_name
from harness.results.record import Record

FORWARD_AND_BACKWARD = 3
"""Training an image takes as many forward passes: backward, gradients of inputs and of weights, counts as two."""


@dataclass(frozen=True)
class Measurement:
    """One recorded training. ``macs``: multiply-adds of an image, forward; ``rate``: of training, a second."""

    method: str
    macs: int
    rate: float


@dataclass(frozen=True)
class Hardware:
    """A device in one precision, with every training recorded on it."""

    name: str
    is_gpu: bool
    measured: tuple[Measurement, ...]

    def rate(self, method: str, macs: int) -> float:
        """Multiply-adds a second to expect when that method trains a network of so many for an image.

        That of the recorded network nearest in size, of the method itself if one is recorded; the median, where it was
        trained more than once. Networks of other sizes keep a device more or less busy, which is not corrected for.
        """
        alike = [each for each in self.measured if each.method == method] or list(self.measured)
        nearest = min((each.macs for each in alike), key=lambda size: abs(math.log(size / macs)))
        return median(each.rate for each in alike if each.macs == nearest)

    @property
    def extremes(self) -> tuple[float, float]:
        """The slowest and the fastest rate recorded."""
        rates = [each.rate for each in self.measured]
        return min(rates), max(rates)


def recorded_hardware(records: Iterable[Record]) -> list[Hardware]:
    """The hardware of these records, GPUs first, then by the number of trainings recorded. Each run counts once."""
    runs = {record["run"]: record for record in records if record["status"] == "done"}
    found: dict[tuple[str, bool], list[Measurement]] = {}
    for record in runs.values():
        facts, cost = record["receipt"]["hardware"], record["cost"]
        precision = record["receipt"]["computation"]["precision"]
        macs = cost["macs"]["macs"]
        # Several devices may have trained a run together.
        images_per_second = cost["training_images_per_second"] / record["receipt"]["effective_batch"]["gpus"]
        measured = Measurement(record["method"], macs, images_per_second * macs * FORWARD_AND_BACKWARD)
        found.setdefault((f"{device_name(facts)}, {precision}", facts["gpu"] is not None), []).append(measured)
    hardware = [Hardware(name, is_gpu, tuple(measured)) for (name, is_gpu), measured in found.items()]
    return sorted(hardware, key=lambda each: (not each.is_gpu, -len(each.measured)))
