"""What a run is given to compute on, as the command line asks for it, checked against this machine."""

from __future__ import annotations

import argparse
import math

from harness.errors import BadInput
from harness.machine.computation import Computation

SECONDS = 60


def computation(options: argparse.Namespace, device: str) -> Computation:
    """How runs are computed on ``device``. Raises BadInput for options that do not go together, or fit no GPU here."""
    from harness.machine.precision import bfloat16_helps

    _require_fitting(options, device)
    bfloat16 = options.precision == "bfloat16" if options.precision else bfloat16_helps(device)
    return Computation(bfloat16, options.gpus_per_run, options.sync_bn, options.compile)


def timeout(options: argparse.Namespace) -> float | None:
    """Seconds without a sign of life after which a run is ended, or None. Raises BadInput unless they are positive."""
    if options.run_timeout is not None and not 0 < options.run_timeout < math.inf:
        raise BadInput(f"--run-timeout {options.run_timeout:g}: give a positive number of minutes, or leave it out")
    return None if options.run_timeout is None else options.run_timeout * SECONDS


def _require_fitting(options: argparse.Namespace, device: str) -> None:
    wanted, kind = options.gpus_per_run, device.partition(":")[0]
    if wanted < 1:
        raise BadInput(f"--gpus-per-run {wanted}: a run needs 1 or more")
    if kind != device and (wanted > 1 or options.executor == "ray"):
        reason = "--executor ray gives each run its own GPUs" if wanted == 1 else f"--gpus-per-run is {wanted}"
        raise BadInput(f"--device {device} names a single GPU, but {reason}; use --device {kind}")
    if kind == "cuda" and options.executor == "local":
        _require_gpus(wanted)
    if options.sync_bn and wanted == 1:
        raise BadInput("--sync-bn needs --gpus-per-run 2 or more: one process has the whole batch")
    if options.sync_bn and kind == "cpu":
        raise BadInput("--sync-bn needs GPUs, which PyTorch's SyncBatchNorm is made for; leave it out on the CPU")


def _require_gpus(wanted: int) -> None:
    import torch

    found = torch.cuda.device_count()
    if wanted > found:
        raise BadInput(f"--gpus-per-run {wanted}: this machine has {found} GPUs; use at most that many")
