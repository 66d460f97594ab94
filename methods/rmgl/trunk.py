"""The shared stages and the branches of Fig. 2. A branch has an original and a receptive partitioned path."""

from __future__ import annotations

import copy
from typing import cast, get_args

from torch import Tensor, nn

from harness.errors import BadInput
from harness.models.backbone import Trunk, trunk_part
from methods.rmgl.switches import CutPosition, PathName, RMGLSwitches

SHARED_STAGES = (0, 1)
"""The stem and conv2. Branches part at its end, ``res_conv2c`` (Sec. IV-A)."""
BRANCH_STAGES = (2, 3, 4)
STAGES = len(SHARED_STAGES) + len(BRANCH_STAGES)


def cut_rows(features: Tensor, parts: int) -> Tensor:
    """Receptive partition: (B, C, h, w) to (B * parts, C, h / parts, w). The parts of an image follow each other.

    The result is a view if features are channels-last. Raises BadInput if ``parts`` does not divide the rows.
    """
    batch, channels, height, width = features.shape
    if height % parts:
        raise BadInput(
            f"rmgl: {height} rows cannot be cut into {parts} equal parts; use another number of stripes, another "
            "rp_position or another image height"
        )
    rows = features.permute(0, 2, 3, 1)
    return rows.reshape(batch * parts, height // parts, width, channels).permute(0, 3, 1, 2)


def join_rows(features: Tensor, parts: int) -> Tensor:
    """The inverse of ``cut_rows``: (B * parts, C, h, w) to (B, C, parts * h, w)."""
    batch, channels, height, width = features.shape
    rows = features.permute(0, 2, 3, 1)
    return rows.reshape(batch // parts, parts * height, width, channels).permute(0, 3, 1, 2)


def with_own_norms(stage: nn.Module) -> nn.Module:
    """A twin of a stage: it shares the stage's convolution modules and has its own normalisation layers."""
    convolutions = {id(module): module for module in stage.modules() if isinstance(module, nn.Conv2d)}
    return copy.deepcopy(stage, memo=convolutions)


class Branch(nn.Module):
    """conv3 to conv5 of one granularity. Both paths use the same weights (Fig. 3b)."""

    def __init__(self, parts: int, switches: RMGLSwitches, backbone: str, shared: nn.ModuleList) -> None:
        super().__init__()
        self.parts, self.paths = parts, switches.paths(parts)
        self.cut = get_args(CutPosition).index(switches.rp_position)
        # Number of stages that see the whole image: on the original path, or before the cut.
        self.whole_stages = STAGES if "original" in self.paths else self.cut
        stride = switches.global_branch_stride if parts == 1 else 1
        self.stages = nn.ModuleList(trunk_part(backbone, stage, stage, stride) for stage in BRANCH_STAGES)
        self.channels = cast(Trunk, self.stages[-1]).channels
        self.twins = nn.ModuleList()
        if len(self.paths) > 1 and switches.path_norms == "separate":
            self.twins.extend(with_own_norms(stage) for stage in [*shared, *self.stages][self.cut :])

    def forward(self, entries: list[Tensor], shared: nn.ModuleList) -> dict[PathName, Tensor]:
        """Path -> final map (B, C, h, w). ``entries`` are the inputs of the first stages, beginning with the images."""
        entries = list(entries)
        for stage in self.stages[: max(self.whole_stages - len(SHARED_STAGES), 0)]:
            entries.append(stage(entries[-1]))
        maps: dict[PathName, Tensor] = {}
        if "original" in self.paths:
            maps["original"] = entries[STAGES]
        if "receptive" in self.paths:
            strips = cut_rows(entries[self.cut], self.parts)
            for stage in self.twins or [*shared, *self.stages][self.cut :]:
                strips = stage(strips)
            maps["receptive"] = join_rows(strips, self.parts)
        return maps


class BranchedTrunk(nn.Module):
    """Images (B, 3, H, W) to the final maps of all paths of all branches, (B, channels, H / 16, W / 16)."""

    def __init__(self, switches: RMGLSwitches, backbone: str) -> None:
        super().__init__()
        self.shared = nn.ModuleList(trunk_part(backbone, stage, stage) for stage in SHARED_STAGES)
        branches = [Branch(parts, switches, backbone, self.shared) for parts in switches.stripes]
        self.branches = nn.ModuleList(branches)
        self.channels = branches[0].channels
        self.whole_stages = max(branch.whole_stages for branch in branches)

    def forward(self, images: Tensor) -> list[dict[PathName, Tensor]]:
        """Per branch: path -> final map. A stage sees the whole image only if some path needs it."""
        entries = [images]
        for stage in self.shared[: self.whole_stages]:
            entries.append(stage(entries[-1]))
        return [branch(entries, self.shared) for branch in self.branches]
