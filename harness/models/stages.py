"""Networks of torchvision and timm as trunks: where their stages begin, and parts of them.

A stage begins where the map gets smaller: stage 0 is the stem, stages 1..4 have maps of 1/4, 1/8, 1/16 and 1/32 of the
image's height. Stages are found by watching one forward pass, so no network needs a description of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.errors import BadInput
from harness.models.catalogue import NetworkSpec, TrunkNeeds, network_spec
from harness.models.networks import library_network, transformer
from harness.models.rga import SpatialAttention

STAGE_REDUCTIONS = (2, 4, 8, 16, 32)
"""Height of the image over the height of a stage's map. Stage 0, the stem, may reduce less."""
LAST = len(STAGE_REDUCTIONS) - 1
PROBE = (256, 128)
"""Height and width of the image that is watched. They differ, so that a map of another layout is noticed."""


@dataclass(frozen=True)
class Layout:
    """The stages of a network: paths of the modules that run one after another, and output channels by stage.

    ``spare`` begins the names of parameters that lie behind the last stage, such as the classifier's.
    """

    stages: tuple[tuple[str, ...], ...]
    channels: tuple[int, ...]
    spare: tuple[str, ...]


@cache
def layout(spec: NetworkSpec) -> Layout:
    """The stages of a network; each is empty in a network without such maps.

    Raises BadInput if its library has no such network.
    """
    network, chain = _watched_on(spec, "meta")
    if not chain:  # Older PyTorch cannot run every network on the meta device.
        network, chain = _watched_on(spec, "cpu")
    stages: list[list[str]] = [[] for _ in STAGE_REDUCTIONS]
    channels = [0] * len(STAGE_REDUCTIONS)
    for path, found in chain:
        stage = _stage_of(PROBE[0] // found.shape[2])
        stages[stage].append(path)
        channels[stage] = found.shape[1]
    kept = [f"{path}." for path, _ in chain]
    names = [name for name in network.state_dict() if not name.startswith(tuple(kept))]
    spare = dict.fromkeys(f"{name.partition('.')[0]}." for name in names)
    return Layout(tuple(map(tuple, stages)), tuple(channels), tuple(spare) if chain else ())


def _watched_on(spec: NetworkSpec, device: str) -> tuple[nn.Module, list[tuple[str, Tensor]]]:
    # Parts are initialised from the same random stream, whether or not this was called before.
    with torch.random.fork_rng(devices=[]), torch.device(device):
        network = library_network(spec).eval()
        return network, _watched(network)


def _stage_of(reduction: int) -> int:
    return next((stage for stage, most in enumerate(STAGE_REDUCTIONS) if reduction <= most), LAST)


def _watched(network: nn.Module) -> list[tuple[str, Tensor]]:
    """Path and output of each module of the chain that begins with the image: each reads what the one before gave.

    The chain ends where another operation comes between, or where no map comes out.
    """
    calls: list[tuple[str, Tensor, Tensor]] = []

    def watch(path: str, piece: nn.Module) -> None:
        def note(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            calls.append((path, inputs[0], output))

        piece.register_forward_hook(note)

    for path, piece in _pieces(network):
        watch(path, piece)
    image = torch.zeros(1, 3, *PROBE)
    try:
        with torch.no_grad():
            network(image)
    except (RuntimeError, AssertionError):  # A network for images of one size only.
        return []
    chain, last = [], image
    for path, given, found in calls:
        if given is not last or not _is_map(found):
            break
        chain.append((path, found))
        last = found
    return chain if _stage_of(PROBE[0] // last.shape[2]) == LAST else []


def _pieces(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The modules below a network that are no plain sequences, and those in its sequences, with their paths."""
    for name, child in module.named_children():
        path = f"{prefix}{name}"
        if type(child).forward is nn.Sequential.forward:
            yield from _pieces(child, f"{path}.")
        else:
            yield path, child


def _is_map(found: object) -> bool:
    """Whether this is (B, C, h, w) in the proportions of the image."""
    if not isinstance(found, Tensor) or found.dim() != 4:
        return False
    height, width = found.shape[2:]
    return height > 0 and width > 0 and PROBE[0] / height == PROBE[1] / width


class StagedNetwork(nn.Module):
    """Stages ``first`` to ``last`` of a network, initialised from scratch. Parameters keep the library's names.

    With ``last_stride`` 1 the last stage keeps the size of the map before it, for twice the resolution (Sun et al.,
    ECCV 2018, Sec. 3.1). Raises BadInput if the network lacks one of the stages or cannot have that stride.
    """

    def __init__(self, name: str, spec: NetworkSpec, first: int, last: int, last_stride: int) -> None:
        super().__init__()
        found = layout(spec)
        require_stages(name, TrunkNeeds(stages=(last,)))
        network = library_network(spec)
        self.stage_paths = {stage: found.stages[stage] for stage in range(first, last + 1)}
        for path in dict.fromkeys(path for paths in self.stage_paths.values() for path in paths):
            _place(self, path, network.get_submodule(path))
        self.stage_channels = found.channels[1:]
        self.channels = found.channels[last]
        self.spare = found.spare
        self.gates = nn.ModuleList()
        if last == LAST and last_stride == 1:
            for path in self.stage_paths[LAST]:
                _keep_size(self.get_submodule(path))

    def published_name(self, name: str) -> str:
        """The name that a parameter has in the library's network; attention keeps the prefix it has in a ResNet."""
        return name.replace("gates.", "attention.", 1) if name.startswith("gates.") else name

    def add_spatial_attention(self, height: int, width: int) -> None:
        """Add RGA-S after each stage but the stem, for images of ``height`` x ``width`` pixels."""
        # The last stage keeps the size of the one before.
        reductions = (*STAGE_REDUCTIONS[1:-1], STAGE_REDUCTIONS[-2])
        for channels, reduction in zip(self.stage_channels, reductions, strict=True):
            self.gates.append(SpatialAttention(channels, -(-height // reduction), -(-width // reduction)))

    def forward(self, features: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, channels, h, w). A part takes the features of the stage before it."""
        for stage, paths in self.stage_paths.items():
            for path in paths:
                features = self.get_submodule(path)(features)
            if self.gates and stage:
                features = self.gates[stage - 1](features)
        return features


class WholeNetwork(nn.Module):
    """A transformer, read at its end only: (B, 3, H, W) to the map (B, channels, h, w) of its last block."""

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.network = transformer(spec)
        self.channels = int(cast(int, self.network.num_features))
        self.spare = tuple(f"{name}." for name in ("head", "fc_norm"))

    def published_name(self, name: str) -> str:
        """The name that a parameter has in the library's network."""
        return name.removeprefix("network.")

    def forward(self, images: Tensor) -> Tensor:
        """The map of the last block, after its normalisation."""
        (features,) = cast(Any, self.network).forward_intermediates(
            images, indices=1, norm=True, intermediates_only=True
        )
        return cast(Tensor, features)


def network_part(name: str, spec: NetworkSpec, first: int, last: int, last_stride: int) -> StagedNetwork | WholeNetwork:
    """Part of a library's network, initialised from scratch. Raises BadInput if it lacks the stage ``last``."""
    whole = first == 0 and last == LAST and last_stride == 1
    if whole and not layout(spec).stages[LAST]:
        return WholeNetwork(spec)
    return StagedNetwork(name, spec, first, last, last_stride)


def _place(root: nn.Module, path: str, module: nn.Module) -> None:
    """Put a module at a dotted path below another, so that its parameters keep their names."""
    *above, name = path.split(".")
    for part in above:
        if not hasattr(root, part):
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    root.add_module(name, module)


def _keep_size(piece: nn.Module) -> None:
    """Give each layer of a module that halves the map stride 1 instead."""
    for module in piece.modules():
        if isinstance(module, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) and module.stride in (2, (2, 2)):
            module.stride = (1, 1)
            kernel = module.kernel_size
            if kernel in (2, (2, 2)):
                module.register_forward_pre_hook(_pad_by_one)


def _pad_by_one(_: nn.Module, inputs: tuple[Tensor]) -> Tensor:
    """A kernel of two by two at stride 1 keeps the map's size if a row and a column are added."""
    return F.pad(inputs[0], (0, 1, 0, 1), mode="replicate")


def require_stages(name: str, needs: TrunkNeeds) -> None:
    """Raise BadInput, in one sentence, if the trunk called ``name`` lacks a stage or the blocks that are needed."""
    spec = network_spec(name)
    if spec is None:
        return
    if needs.blocks:
        raise BadInput(
            f"backbone {name!r} cannot be cut between the blocks of a stage; use one of the catalogue's ResNets"
        )
    lacking = [stage for stage in needs.stages if not layout(spec).stages[stage]]
    if lacking:
        stages = ", ".join(map(str, lacking))
        raise BadInput(
            f"backbone {name!r} has no stage {stages} that can be cut out (0 is the stem, 1 to 4 have maps of 1/4 to "
            "1/32 of the image's height); use a network whose modules follow each other, such as mobilenet_v2"
        )
