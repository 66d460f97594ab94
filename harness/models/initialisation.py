"""Load the weights of a trunk or of an earlier training stage, strictly, and report what matched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from torch import Tensor, nn

from harness.errors import BadInput
from harness.models.reid import ReIDModel
from harness.models.stages import StagedNetwork, WholeNetwork

CLASSIFIER_PREFIX = "fc."
"""Prefix of ImageNet's classifier, which no trunk has."""
ATTENTION_PREFIX = "attention."
"""Prefix of attention added to a trunk, which ImageNet weights do not have."""

RESNET_MODULES = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "attention")
"""First parts of parameter names in a published ResNet, or in attention added to it."""


class Loaded(TypedDict):
    """The outcome of loading weights, for the receipt."""

    source: str
    """Origin of the weights, in words."""
    matched: int
    """Number of tensors that were loaded."""
    missing: list[str]
    """Names in the network that the weights lack."""
    unexpected: list[str]
    """Names among the weights that the network lacks."""


def load_trunk(model: ReIDModel, weights: Mapping[str, Tensor], source: str) -> Loaded:
    """Load ``weights`` (names without ``trunk.``) into ``model.trunk``.

    In a trunk with several branches each branch gets its own copy: ``branches.0.layer4.0.conv1`` takes
    ``layer4.0.conv1``, unless the weights have its full name.

    ImageNet weights (recognised by their classifier) may have that classifier to spare, and may lack attention that was
    added to the trunk. Any other difference raises BadInput, and then nothing is loaded.
    """
    source_of, unexpected = _fitting(model.trunk, weights, source)
    matching = {name: weights[theirs] for name, theirs in source_of.items() if theirs in weights}
    missing = sorted(source_of.keys() - matching.keys())
    model.trunk.load_state_dict(matching, strict=False)
    return {"source": source, "matched": len(matching), "missing": missing, "unexpected": unexpected}


def require_fit(model: ReIDModel, weights: Mapping[str, Tensor], source: str) -> None:
    """Raise BadInput if ``load_trunk`` would. The model may lie on the meta device."""
    _fitting(model.trunk, weights, source)


def _fitting(trunk: nn.Module, weights: Mapping[str, Tensor], source: str) -> tuple[dict[str, str], list[str]]:
    """Each name in the trunk with its name among the weights, and names that the trunk lacks."""
    wanted = trunk.state_dict()
    classifier = _classifier_prefixes(trunk)
    from_imagenet = any(name.startswith(classifier) for name in weights)
    library_names = _library_names(trunk)
    source_of = {name: name if name in weights else library_names.get(name) or _published_name(name) for name in wanted}
    matching = [name for name, theirs in source_of.items() if theirs in weights]
    missing = sorted(wanted.keys() - set(matching))
    unexpected = sorted(weights.keys() - set(source_of.values()))
    reshaped = [name for name in matching if wanted[name].shape != weights[source_of[name]].shape]
    lacking = [
        name
        for name in missing
        # Files from before PyTorch 0.4.1 lack this count; BN with a fixed momentum never reads it.
        if not name.endswith("num_batches_tracked")
        and not (from_imagenet and source_of[name].startswith(ATTENTION_PREFIX))
    ]
    left_over = [name for name in unexpected if not name.startswith(classifier)]
    if lacking or left_over or reshaped:
        raise BadInput(
            f"{source} does not fit the trunk ({_count_and_names('missing', lacking)}, "
            f"{_count_and_names('unexpected', left_over)}, {_count_and_names('of another shape', reshaped)}); "
            "use weights of the same backbone and input size"
        )
    return source_of, unexpected


def load_model(model: ReIDModel, weights: Mapping[str, Tensor], source: str) -> Loaded:
    """Load all ``weights`` of an earlier stage into ``model``, which may have new layers.

    Weights that do not fit the model raise BadInput, and then nothing is loaded.
    """
    wanted = model.state_dict()
    unexpected = sorted(weights.keys() - wanted.keys())
    reshaped = [name for name in weights if name in wanted and wanted[name].shape != weights[name].shape]
    if unexpected or reshaped:
        raise BadInput(
            f"{source} is no earlier stage of this network ({_count_and_names('unexpected', unexpected)}, "
            f"{_count_and_names('of another shape', reshaped)}); start from a run whose layers this network has, on "
            "the same identities"
        )
    model.load_state_dict(dict(weights), strict=False)
    missing = sorted(wanted.keys() - weights.keys())
    return {"source": source, "matched": len(weights), "missing": missing, "unexpected": []}


def _library_names(trunk: nn.Module) -> dict[str, str]:
    """Parameter names in a trunk, and the same in the network of torchvision or timm that a part of it is of."""
    found = {}
    for place, module in trunk.named_modules():
        if isinstance(module, StagedNetwork | WholeNetwork):
            for name in module.state_dict():
                found[f"{place}.{name}" if place else name] = module.published_name(name)
    return found


def _classifier_prefixes(trunk: nn.Module) -> tuple[str, ...]:
    """Prefixes of the parameters that published weights have behind the trunk."""
    networks = [module for module in trunk.modules() if isinstance(module, StagedNetwork | WholeNetwork)]
    return tuple({prefix for network in networks for prefix in network.spare}) or (CLASSIFIER_PREFIX,)


def _published_name(name: str) -> str:
    """The part of a parameter name that a published ResNet has too."""
    parts = name.split(".")
    begins = next((place for place, part in enumerate(parts) if part in RESNET_MODULES), 0)
    return ".".join(parts[begins:])


def _count_and_names(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{len(names)} {what}" + (f": {shown}{', ...' if len(names) > 3 else ''}" if names else "")
