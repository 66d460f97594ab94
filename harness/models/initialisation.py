"""Load a trunk, or the network of an earlier stage, strictly, and say what matched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from harness.errors import BadInput
from harness.models.reid import ReIDModel

CLASSIFIER = "fc."
"""ImageNet's own classifier, which no trunk has."""
ATTENTION = "attention."
"""Attention added to a trunk, which ImageNet weights do not have."""


PIECES = ("conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "attention")
"""What a published ResNet's names begin with."""


def load_trunk(model: ReIDModel, weights: Mapping[str, Tensor], source: str) -> dict[str, Any]:
    """Load ``weights`` (names without ``trunk.``) into ``model.trunk``.

    In a trunk of several branches every branch gets its own copy: ``branches.0.layer4.0.conv1`` takes
    ``layer4.0.conv1`` where the weights have no name of its own for it.

    Returns ``source``, the number ``matched``, and the names ``missing`` in and ``unexpected`` among the weights.
    ImageNet weights (known by their classifier) may leave that classifier over and added attention at its own
    initialisation; whatever else differs raises BadInput, and then nothing has been loaded.
    """
    wanted = model.trunk.state_dict()
    from_imagenet = any(name.startswith(CLASSIFIER) for name in weights)
    source_of = {name: name if name in weights else _published_name(name) for name in wanted}
    matching = [name for name, theirs in source_of.items() if theirs in weights]
    missing = sorted(wanted.keys() - set(matching))
    unexpected = sorted(weights.keys() - set(source_of.values()))
    reshaped = [name for name in matching if wanted[name].shape != weights[source_of[name]].shape]
    lacking = [
        name
        for name in missing
        # Files older than PyTorch 0.4.1 do not count batches; BN with a fixed momentum never reads the count.
        if not name.endswith("num_batches_tracked") and not (from_imagenet and source_of[name].startswith(ATTENTION))
    ]
    left_over = [name for name in unexpected if not (from_imagenet and name.startswith(CLASSIFIER))]
    if lacking or left_over or reshaped:
        raise BadInput(
            f"{source} does not fit the trunk ({_listed('missing', lacking)}, {_listed('unexpected', left_over)}, "
            f"{_listed('of another shape', reshaped)}); use weights of the same backbone and input size"
        )
    model.trunk.load_state_dict({name: weights[source_of[name]] for name in matching}, strict=False)
    return {"source": source, "matched": len(matching), "missing": missing, "unexpected": unexpected}


def load_model(model: ReIDModel, weights: Mapping[str, Tensor], source: str) -> dict[str, Any]:
    """Load all ``weights`` of an earlier stage into ``model``, which may have layers that the stage did not have yet.

    Returns what ``load_trunk`` returns. Weights that have no place in the model raise BadInput, and then nothing has
    been loaded.
    """
    wanted = model.state_dict()
    unexpected = sorted(weights.keys() - wanted.keys())
    reshaped = [name for name in weights if name in wanted and wanted[name].shape != weights[name].shape]
    if unexpected or reshaped:
        raise BadInput(
            f"{source} is no earlier stage of this network ({_listed('unexpected', unexpected)}, "
            f"{_listed('of another shape', reshaped)}); begin from a run whose layers it has, on the same identities"
        )
    model.load_state_dict(dict(weights), strict=False)
    missing = sorted(wanted.keys() - weights.keys())
    return {"source": source, "matched": len(weights), "missing": missing, "unexpected": []}


def _published_name(name: str) -> str:
    """The part of a trunk's own name that a published ResNet has too."""
    parts = name.split(".")
    begins = next((place for place, part in enumerate(parts) if part in PIECES), 0)
    return ".".join(parts[begins:])


def _listed(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{len(names)} {what}" + (f": {shown}{', ...' if len(names) > 3 else ''}" if names else "")
