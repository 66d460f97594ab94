"""The device that runs are computed on."""

from __future__ import annotations

import re

from harness.errors import BadInput


def choose_device(name: str | None) -> str:
    """The device asked for; by default CUDA if there is any, else the CPU. Raises BadInput if the machine lacks it."""
    import torch

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:[0-9]+)?", name):
        raise BadInput(f"--device {name!r} is not a device; use cpu, cuda or cuda:N")
    kind, _, index = name.partition(":")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise BadInput(f"--device {name}: this machine has {torch.cuda.device_count()} CUDA devices; use cpu")
    return name


def require_gpus(wanted: int, workers: int = 1) -> None:
    """Raise BadInput unless this machine has as many GPUs as each run of each worker is to use."""
    import torch

    found = torch.cuda.device_count()
    if wanted > found:
        raise BadInput(f"--gpus-per-run {wanted}: this machine has {found} GPUs; use at most that many")
    if wanted * workers > found:
        needed = f"{wanted * workers} GPUs, {wanted} for each run"
        raise BadInput(
            f"--workers {workers} need {needed}, and this machine has {found}; use {found // wanted} or fewer"
        )
