"""Load a trunk strictly, and say what matched."""

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


def load_trunk(model: ReIDModel, weights: Mapping[str, Tensor], source: str) -> dict[str, Any]:
    """Load ``weights`` (names without ``trunk.``) into ``model.trunk``.

    Returns ``source``, the number ``matched``, and the names ``missing`` in and ``unexpected`` among the weights.
    ImageNet weights (known by their classifier) may leave that classifier over and added attention at its own
    initialisation; whatever else differs raises BadInput, and then nothing has been loaded.
    """
    wanted = model.trunk.state_dict()
    from_imagenet = any(name.startswith(CLASSIFIER) for name in weights)
    missing = sorted(wanted.keys() - weights.keys())
    unexpected = sorted(weights.keys() - wanted.keys())
    matching = [name for name in wanted if name in weights]
    reshaped = [name for name in matching if wanted[name].shape != weights[name].shape]
    lacking = [
        name
        for name in missing
        # Files older than PyTorch 0.4.1 do not count batches; BN with a fixed momentum never reads the count.
        if not name.endswith("num_batches_tracked") and not (from_imagenet and name.startswith(ATTENTION))
    ]
    left_over = [name for name in unexpected if not (from_imagenet and name.startswith(CLASSIFIER))]
    if lacking or left_over or reshaped:
        raise BadInput(
            f"{source} does not fit the trunk ({_listed('missing', lacking)}, {_listed('unexpected', left_over)}, "
            f"{_listed('of another shape', reshaped)}); use weights of the same backbone and input size"
        )
    model.trunk.load_state_dict({name: weights[name] for name in matching}, strict=False)
    return {"source": source, "matched": len(matching), "missing": missing, "unexpected": unexpected}


def _listed(what: str, names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{len(names)} {what}" + (f": {shown}{', ...' if len(names) > 3 else ''}" if names else "")
