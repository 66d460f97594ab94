"""Multiply-adds of inference per image."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.measure.abstract import blank_images, blank_priors, meta_copy
from harness.models.reid import ReIDModel
from harness.results.record import Operations

CONVENTION = (
    "multiply-adds of convolutions, linear layers and matrix products, for every feature that the network embeds; "
    "batch 1, no flip"
)
"""The counting rule; a record's ``cost`` holds it."""


def count_operations(model: ReIDModel, height: int, width: int, priors: Collection[str] = ()) -> Operations:
    """Count the multiply-adds of ``embed`` for one image. One multiply-add is one operation, or two FLOPs.

    Args:
        model: The network.
        height: Height of the image.
        width: Width of the image.
        priors: Kinds of priors that ``embed`` reads.

    Returns:
        ``macs``, and the counting ``convention``.
    """
    shadow = meta_copy(model)
    with torch.inference_mode(False), torch.no_grad(), FlopCounterMode(display=False) as counter:
        shadow.embed(blank_images(1, height, width, "meta"), blank_priors(1, "meta", priors))
    return {"macs": counter.get_total_flops() // 2, "convention": CONVENTION}
