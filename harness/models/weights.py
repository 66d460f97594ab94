"""Weights of trunks: torchvision's (found locally or fetched), LUPerson's (found locally), and those of a file."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.hub
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from harness.errors import BadInput
from harness.models.catalogue import network_spec

SERVER = "https://download.pytorch.org/models"
# The first weights published for each network ("V1"), as used by papers of 2018-2021. The SHA-256 of each file starts
# with the eight digits in its name.
FILES = {"resnet50": "resnet50-0676ba61.pth", "resnet18": "resnet18-f37072fd.pth"}
TIMEOUT_SECONDS = 10.0

LUPERSON_FILES = {"resnet101_ibn_a": "lup_moco_r101.pth"}
"""Self-supervised weights (Fu et al., CVPR 2021). Their authors offer them on a cloud drive only."""
LUPERSON_VARIABLE = "HARNESS_LUPERSON"
MOCO_PREFIXES = ("module.encoder_q.", "encoder_q.", "module.")
"""Prefixes of parameter names in a MoCo checkpoint. The first that occurs belongs to the trained network."""
SPLIT_NORM = re.compile(r"layer[123]\.\d+\.bn1\.")
"""The norms that IBN-a splits: the first norm of each block of the first three stages."""


def imagenet_weights(name: str, fetch: bool = True) -> tuple[dict[str, Tensor] | None, str]:
    """ImageNet weights of the trunk called ``name`` and their origin, or None and the reason.

    Looks in torch's hub folder; with ``fetch`` it downloads a missing file into it. Never raises: a run without these
    weights starts from scratch and says so.
    """
    url = _published_url(name)
    if url is None:
        return None, f"none are published for {name}"
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    try:
        if not path.exists() and not fetch:
            return None, f"{path.name} is not in torch's hub folder"
        if not path.exists():
            _fetch(url, path)
        if not _intact(path):
            return None, f"{path.name} in torch's hub folder is damaged; delete it and run again"
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever goes wrong, training can start from scratch
        return None, f"{path.name} is not in torch's hub folder and could not be fetched: {error}"
    return weights, f"torchvision {path.name}"


def _published_url(name: str) -> str | None:
    """Address of torchvision's first ImageNet weights for a trunk; None where it has none."""
    if name in FILES:
        return f"{SERVER}/{FILES[name]}"
    spec = network_spec(name)
    if spec is None or spec.library != "torchvision":
        return None
    import torchvision

    published = torchvision.models.get_model_weights(spec.network)
    first = next((each for each in published if each.name.startswith("IMAGENET1K")), None)
    return str(first.url) if first else None


def file_weights(path: Path) -> dict[str, Tensor]:
    """The weights in a file of safetensors or torch. Raises BadInput, naming the file, if there are none."""
    if path.suffix != ".safetensors":
        weights = _network_weights(_read(path))
    else:
        try:
            weights = load_file(path)
        except (OSError, SafetensorError) as error:
            raise BadInput(f"{path} cannot be read as safetensors ({error}); give a whole file") from error
    if not weights:
        raise BadInput(f"{path} holds no tensors by name; give a state dict of the trunk")
    return weights


def _fetch(url: str, path: Path) -> None:
    """Download into torch's hub folder; a broken or wrong download raises and leaves nothing behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # torch.hub makes its partial file with open(), not mkstemp, so the umask decides who may read a shared hub folder.
    with _network_patience():
        torch.hub.download_url_to_file(url, str(path), hash_prefix=_digest_prefix(path), progress=False)


@contextmanager
def _network_patience() -> Iterator[None]:
    """Give up on a silent server after ``TIMEOUT_SECONDS``; torch.hub takes no timeout of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _intact(path: Path) -> bool:
    """Whether a file that is there is the published one; torch.hub checks only what it downloads itself."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().startswith(_digest_prefix(path))


def _digest_prefix(path: Path) -> str:
    return path.stem.rpartition("-")[2]


def luperson_file(name: str) -> Path | None:
    """The file with LUPerson's weights for the trunk called ``name``, or None.

    The environment variable HARNESS_LUPERSON names the file; without it, torch's hub folder is searched. Raises
    BadInput when the variable names no file.
    """
    if name not in LUPERSON_FILES:
        return None
    given = os.environ.get(LUPERSON_VARIABLE)
    if given:
        if not Path(given).is_file():
            raise BadInput(f"{LUPERSON_VARIABLE} names {given}, which is no file; name LUPerson's weights or unset it")
        return Path(given)
    path = Path(torch.hub.get_dir()) / "checkpoints" / LUPERSON_FILES[name]
    return path if path.is_file() else None


def luperson_weights(name: str) -> tuple[dict[str, Tensor] | None, str, int]:
    """LUPerson's weights of an IBN-a trunk, their file name, and the number of norms that were split for IBN-a.

    Without a file: None, the reason, and 0. Raises BadInput for a file without weights.
    """
    path = luperson_file(name)
    if path is None:
        wanted = LUPERSON_FILES.get(name)
        if wanted is None:
            return None, f"LUPerson has none for {name}", 0
        return None, f"{wanted} is not in torch's hub folder and {LUPERSON_VARIABLE} names no other file", 0
    weights = _network_weights(_read(path))
    if not any(key.startswith("layer1.") for key in weights):
        raise BadInput(f"{path} holds no weights of a ResNet; give LUPerson's {LUPERSON_FILES[name]}")
    weights, split = with_ibn_norms(weights)
    return weights, path.name, split


def with_ibn_norms(weights: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], int]:
    """Rename the weights of a plain ResNet for its IBN-a form. Returns them and the number of norms that were split.

    For each norm that IBN-a splits, the first half of scale and shift goes to IN, and the second half, with its running
    statistics, to BN. The running statistics of the first half are dropped, since IN has none. Weights with IBN-a's
    names do not change.
    """
    found: dict[str, Tensor] = {}
    split = set()
    for key, value in weights.items():
        block = SPLIT_NORM.match(key)
        if block is None or ".IN." in key or ".BN." in key:
            found[key] = value
            continue
        norm, entry = block.group(), key[block.end() :]
        split.add(norm)
        if entry in ("weight", "bias"):
            found[f"{norm}IN.{entry}"] = value[: len(value) // 2]
        found[f"{norm}BN.{entry}"] = value[len(value) // 2 :] if value.dim() else value
    return found, len(split)


def _read(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises different types for different damage
        cause = " ".join(str(error).split())
        raise BadInput(f"{path} cannot be read as PyTorch weights ({cause}); download it again") from error


def _network_weights(content: Any) -> dict[str, Tensor]:
    """The network's weights in a checkpoint, without prefix, momentum copy and classifier."""
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    tensors = {key: value for key, value in state.items() if torch.is_tensor(value)} if isinstance(state, dict) else {}
    prefix = next((each for each in MOCO_PREFIXES if any(key.startswith(each) for key in tensors)), "")
    named = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    return {key: value for key, value in named.items() if not key.startswith("fc.")}
