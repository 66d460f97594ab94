"""RMGL's receptive partition (Sec. III-B) costs what its multiply-adds predict: both paths take as long as one, twice.

The compared runs alternate on the same threads, so ratios hold on a busy machine too.
"""

import statistics
import time

import pytest
import torch
from torch import nn

from methods.rmgl import RMGLSwitches
from methods.rmgl.trunk import Branch

MAX_RATIO_TO_PLAIN = 1.1
IMAGES, ROUNDS = 2, 5
CHANNELS, ROWS, COLUMNS = 256, 96, 32
"""Size of ResNet-50's conv2 output for images of 384x128."""


class Step:
    """A training step of conv3 to conv5, forward and backward, in channels-last memory as in the harness."""

    def __init__(self, parts: int) -> None:
        torch.manual_seed(0)
        self.branch = Branch(parts, RMGLSwitches(), "resnet50", nn.ModuleList()).to(memory_format=torch.channels_last)
        features = torch.randn(IMAGES, CHANNELS, ROWS, COLUMNS)
        self.features = features.contiguous(memory_format=torch.channels_last)

    def both_paths(self) -> None:
        """The original path and the receptive path."""
        # Neither path reads the first two maps, the images and the stem's output.
        maps = self.branch([self.features] * 3, nn.ModuleList([nn.Identity(), nn.Identity()]))
        sum(path.mean() for path in maps.values()).backward()

    def plain(self) -> None:
        """The same stages twice on the uncut map."""
        total = torch.zeros(())
        for _ in range(2):
            output = self.features
            for stage in self.branch.stages:
                output = stage(output)
            total = total + output.mean()
        total.backward()

    def plain_seconds(self) -> float:
        """Time of the two plain passes."""
        started = time.perf_counter()
        self.plain()
        return time.perf_counter() - started


@pytest.mark.parametrize("parts", [2, 3])
def test_both_paths_beside_two_plain_passes(benchmark, parts):
    step = Step(parts)
    step.both_paths()
    step.plain()
    plain: list[float] = []
    benchmark.pedantic(step.both_paths, setup=lambda: plain.append(step.plain_seconds()), rounds=ROUNDS, iterations=1)
    if benchmark.stats:
        ratio = statistics.median(ours / other for ours, other in zip(benchmark.stats.stats.data, plain, strict=True))
        benchmark.extra_info["ratio_to_two_plain_passes"] = round(ratio, 3)
        print(f"{parts} stripes: both paths take {ratio:.2f} times as long as two plain passes")
        assert ratio < MAX_RATIO_TO_PLAIN
