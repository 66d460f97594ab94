"""Test features of a split, of the images as they are and averaged with their mirrors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.models.reid import ReIDModel
from harness.training.augmentation import Placement, normalise, place_images, place_prior
from harness.training.machine import Machine
from harness.training.world import World

BATCH = 128

Embeddings = dict[str, Tensor]
"""Name of an embedding -> (N, D) float16 features on the CPU."""


@torch.inference_mode()
def extract(
    model: ReIDModel, images: NDArray[np.uint8], priors: Mapping[str, NDArray[Any]], machine: Machine, world: World
) -> tuple[Embeddings, Embeddings]:
    """Features of images as they are, and summed with those of their mirrors before any normalisation.

    They are kept in float16 and scored from that, so that what is stored gives the same figures again.

    Args:
        model: The network.
        images: (N, H, W, 3) uint8.
        priors: Kind -> priors of the images, first axis N.
        machine: Device and precision.
        world: Each process takes a share of the images and gets the features of all. If there are fewer images than
            processes, each takes all.

    Returns:
        ``(with flip, without)``.
    """
    if len(images) < world.size:
        world = World()
    bounds = np.linspace(0, len(images), world.size + 1).astype(int)
    own = slice(bounds[world.rank], bounds[world.rank + 1])
    shares = _extracted(model, images[own], {kind: prior[own] for kind, prior in priors.items()}, machine)
    flipped, unflipped = (
        {name: torch.cat(world.all_gather(features)) for name, features in found.items()} for found in shares
    )
    return flipped, unflipped


def _extracted(
    model: ReIDModel, images: NDArray[np.uint8], priors: Mapping[str, NDArray[Any]], machine: Machine
) -> tuple[Embeddings, Embeddings]:
    model.eval()
    collected: tuple[dict[str, list[Tensor]], dict[str, list[Tensor]]] = ({}, {})
    for start in range(0, len(images), BATCH):
        rows = slice(start, start + BATCH)
        plain = _embed(model, images[rows], taken(priors, rows), machine, mirrored=False)
        mirror = _embed(model, images[rows], taken(priors, rows), machine, mirrored=True)
        for name, features in plain.items():
            collected[0].setdefault(name, []).append((features + mirror[name]).to("cpu", torch.float16))
            collected[1].setdefault(name, []).append(features.to("cpu", torch.float16))
    flipped, unflipped = ({name: torch.cat(parts) for name, parts in found.items()} for found in collected)
    return flipped, unflipped


def taken(priors: Mapping[str, NDArray[Any]], rows: slice) -> dict[str, Tensor]:
    """The priors of some of the images."""
    return {kind: torch.from_numpy(np.array(prior[rows])) for kind, prior in priors.items()}


def prepared(
    images: NDArray[np.uint8], priors: Mapping[str, Tensor], machine: Machine, mirrored: bool = False
) -> tuple[Tensor, dict[str, Tensor]]:
    """Images and priors as the network reads them, on the machine's device."""
    placement = Placement(np.full(len(images), mirrored), np.zeros((len(images), 2)))
    raw = torch.from_numpy(np.array(images)).to(machine.device)
    placed = {kind: place_prior(kind, prior.to(machine.device), placement) for kind, prior in priors.items()}
    return normalise(place_images(raw, placement)), placed


def _embed(
    model: ReIDModel, images: NDArray[np.uint8], priors: Mapping[str, Tensor], machine: Machine, mirrored: bool
) -> dict[str, Tensor]:
    with machine.autocast():
        embeddings = model.embed(*prepared(images, priors, machine, mirrored))
    return {name: features.float() for name, features in embeddings.items()}
