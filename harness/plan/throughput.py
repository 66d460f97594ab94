"""Training speed on recorded hardware, in multiply-adds per second."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from harness.machine.hardware import device_name
from harness.results.record import Record

FORWARD_PASSES_PER_TRAINING_IMAGE = 3
"""Training on an image costs three forward passes: one forward, two for the gradients of inputs and of weights."""


@dataclass(frozen=True)
class Measurement:
    """The speed of one recorded training."""

    method: str
    macs: int
    """Multiply-adds of one forward pass for one image."""
    macs_per_second: float
    """Multiply-adds of training, forward and backward."""


@dataclass(frozen=True)
class Hardware:
    """A device in one precision, with all trainings recorded on it, or with rates that others published."""

    name: str
    is_gpu: bool
    measured: tuple[Measurement, ...]
    source: str | None = None
    """Who published the rates; None where they were recorded."""

    def macs_per_second(self, method: str, macs: int) -> float:
        """Expected training speed in multiply-adds per second, for a network with ``macs`` per image.

        It is the speed of the recorded network nearest in size: a network of the same method if one is recorded. The
        median counts if that network was trained several times. Small networks use a device less well than large ones;
        nothing corrects for that.
        """
        candidates = [each for each in self.measured if each.method == method] or list(self.measured)
        nearest = min((each.macs for each in candidates), key=lambda size: abs(math.log(size / macs)))
        return median(each.macs_per_second for each in candidates if each.macs == nearest)

    @property
    def extremes(self) -> tuple[float, float]:
        """The lowest and the highest recorded speed, in multiply-adds per second."""
        speeds = [each.macs_per_second for each in self.measured]
        return min(speeds), max(speeds)


RESNET50_MACS = 4_050_000_000
"""Multiply-adds of ResNet-50 without classifier for an image of 224x224, or of 256x128 with last stride 1."""


def _published(name: str, source: str, *images_per_second: float) -> Hardware:
    speeds = (rate * RESNET50_MACS * FORWARD_PASSES_PER_TRAINING_IMAGE for rate in images_per_second)
    return Hardware(name, True, tuple(Measurement("resnet50", RESNET50_MACS, speed) for speed in speeds), source)


PUBLISHED = (
    _published("H200", "milabench", 2_204, 4_868),
    _published("H100", "milabench", 2_459, 4_292),
    _published("A100", "NVIDIA DeepLearningExamples", 2_470),
    _published("RTX 2080 Ti", "reid-strong-baseline, issue 202", 379),
)
"""Training of ResNet-50 by other code, in images/s: with a data loader, then from memory where that was published too.

In mixed precision, except for the last: BoT as its authors train it.
"""


def recorded_hardware(records: Iterable[Record]) -> list[Hardware]:
    """The hardware of these records, GPUs first, then by the number of recorded trainings. Each run counts once."""
    runs = {record["run"]: record for record in records if record["status"] == "done"}
    found: dict[tuple[str, bool], list[Measurement]] = {}
    for record in runs.values():
        facts, cost = record["receipt"]["hardware"], record["cost"]
        precision = record["receipt"]["computation"]["precision"]
        macs = cost["macs"]["macs"]
        # Several devices may share one run; the speed is per device.
        images_per_second = cost["training_images_per_second"] / record["receipt"]["effective_batch"]["gpus"]
        speed = images_per_second * macs * FORWARD_PASSES_PER_TRAINING_IMAGE
        measured = found.setdefault((f"{device_name(facts)}, {precision}", facts["gpu"] is not None), [])
        measured.append(Measurement(record["method"], macs, speed))
    hardware = [Hardware(name, is_gpu, tuple(measured)) for (name, is_gpu), measured in found.items()]
    return sorted(hardware, key=lambda each: (not each.is_gpu, -len(each.measured)))
