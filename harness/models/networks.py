"""Networks of torchvision and timm by name, initialised from scratch."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import torch
import torchvision
from torch import nn

from harness.errors import BadInput, unknown_name_error

if TYPE_CHECKING:
    from harness.models.catalogue import NetworkSpec


def require_network(spec: NetworkSpec) -> None:
    """Raise BadInput, offering the nearest names, if the library has no such network or is not installed."""
    if spec.library == "timm":
        timm = _timm()
        if not timm.is_model(spec.network):
            raise unknown_name_error("network of timm", spec.network, timm.list_models())
        return
    known = torchvision.models.list_models(module=torchvision.models)
    if spec.network not in known:
        raise unknown_name_error("network of torchvision", spec.network, known)


def library_network(spec: NetworkSpec) -> nn.Module:
    """The network of a library, with the library's own initialisation.

    Raises BadInput, offering the nearest names, for a network that the library does not have.
    """
    require_network(spec)
    if spec.library == "timm":
        return _timm_network(spec.network)
    return _built(lambda: torchvision.models.get_model(spec.network, weights=None))


def transformer(spec: NetworkSpec) -> nn.Module:
    """A transformer of timm for images of any size. Raises BadInput if timm cannot make it so."""
    require_network(spec)
    network = _timm_network(spec.network, dynamic_img_size=True) if spec.library == "timm" else None
    if network is None or not hasattr(network, "forward_intermediates"):
        raise BadInput(
            f"backbone '{spec.library}:{spec.network}' gives no map that gets smaller from stage to stage, nor one at "
            "its end; use another network"
        )
    return network


def _built(build: Callable[[], nn.Module]) -> nn.Module:
    try:
        return build()
    except RuntimeError:  # Some networks read numbers from tensors, and the meta device has none.
        device = torch.get_default_device()
        with torch.device("cpu"):
            network = build()
        return network.to(device)


def _timm_network(name: str, **options: bool) -> nn.Module:
    timm = _timm()
    try:
        return _built(lambda: timm.create_model(name, pretrained=False, **options))
    except TypeError as error:
        raise BadInput(f"backbone 'timm:{name}' takes images of one size only; use another network") from error


def _timm() -> ModuleType:
    try:
        import timm
    except ImportError as error:
        raise BadInput("a backbone timm:NAME needs timm; pip install 'reid-tables[timm]'") from error
    return timm
