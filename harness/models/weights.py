"""ImageNet weights of the trunks: torchvision's files, from the local torch hub folder or fetched into it."""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from pathlib import Path

import torch
from torch import Tensor

SERVER = "https://download.pytorch.org/models"
# The first weights published for each network ("V1"), those that papers of 2018-2021 started from. The eight digits
# in each name begin the file's SHA-256.
FILES = {"resnet50": "resnet50-0676ba61.pth", "resnet18": "resnet18-f37072fd.pth"}
TIMEOUT_SECONDS = 10.0


def imagenet_weights(name: str, fetch: bool = True) -> tuple[dict[str, Tensor] | None, str]:
    """ImageNet weights of the trunk called ``name`` and where they are from, or None and why they cannot be had.

    Looks in torch's hub folder first and, where ``fetch``, brings the file into it otherwise. Never raises: a run
    without them starts from scratch and says so.
    """
    if name not in FILES:
        return None, f"none are published for {name}"
    path = Path(torch.hub.get_dir()) / "checkpoints" / FILES[name]
    try:
        if not path.exists() and not fetch:
            return None, f"{path.name} is not in torch's hub folder"
        if not path.exists():
            _fetch(f"{SERVER}/{FILES[name]}", path)
        if not _intact(path):
            return None, f"{path.name} in torch's hub folder is damaged; delete it and run again"
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever goes wrong, training can start from scratch
        return None, f"{path.name} is not in torch's hub folder and could not be fetched: {error}"
    return weights, f"torchvision {path.name}"


def _fetch(url: str, path: Path) -> None:
    """Download to a neighbour, then rename, so that a broken download leaves nothing behind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file, urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            while block := response.read(1 << 20):
                file.write(block)
        Path(partial).replace(path)
    finally:
        Path(partial).unlink(missing_ok=True)


def _intact(path: Path) -> bool:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest.startswith(path.stem.rpartition("-")[2])
