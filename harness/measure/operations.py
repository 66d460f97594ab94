"""How many multiply-adds inference takes for one image."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.measure.abstract import blank_images, blank_priors, without_values
from harness.models.reid import ReIDModel
from harness.results.record import Operations

CONVENTION = (
    "multiply-adds of convolutions, linear layers and matrix products, for every feature that the network embeds; "
    "batch 1, no flip"
)


def count_operations(model: ReIDModel, height: int, width: int, priors: Collection[str] = ()) -> Operations:
    """``macs`` of ``embed`` for one height x width image and ``priors`` of these kinds, and the ``convention``.

    One multiply-add is one operation, half of what tools that print FLOPs count.
    """
    shadow = without_values(model)
    with torch.inference_mode(False), torch.no_grad(), FlopCounterMode(display=False) as counter:
        shadow.embed(blank_images(1, height, width, "meta"), blank_priors(1, "meta", priors))
    return {"macs": counter.get_total_flops() // 2, "convention": CONVENTION}
