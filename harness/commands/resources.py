"""The computation that a request asks for, checked against this machine."""

from __future__ import annotations

from harness.commands.request import Request
from harness.errors import BadInput
from harness.machine.computation import Computation
from harness.machine.device import require_gpus
from harness.machine.precision import bfloat16_helps


def computation(request: Request, device: str) -> Computation:
    """The computation of runs on ``device``. Raises BadInput for options that do not fit each other or this machine."""
    _require_fitting(request, device)
    bfloat16 = request.precision == "bfloat16" if request.precision else bfloat16_helps(device)
    return Computation(bfloat16, request.gpus_per_run, request.sync_bn, request.compile)


def _require_fitting(request: Request, device: str) -> None:
    wanted, kind = request.gpus_per_run, device.partition(":")[0]
    if wanted < 1:
        raise BadInput(f"--gpus-per-run {wanted}: a run needs 1 or more")
    if kind != device and (wanted > 1 or request.executor == "ray"):
        reason = "--executor ray gives each run its own GPUs" if wanted == 1 else f"--gpus-per-run is {wanted}"
        raise BadInput(f"--device {device} names a single GPU, but {reason}; use --device {kind}")
    _require_fitting_workers(request, device)
    if kind == "cuda" and request.executor == "local":
        require_gpus(wanted, request.workers)
    if request.sync_bn and wanted == 1:
        raise BadInput("--sync-bn needs --gpus-per-run 2 or more: one process has the whole batch")
    if request.sync_bn and kind == "cpu":
        raise BadInput("--sync-bn needs GPUs, which PyTorch's SyncBatchNorm is made for; leave it out on the CPU")


def _require_fitting_workers(request: Request, device: str) -> None:
    if request.workers < 1:
        raise BadInput(f"--workers {request.workers}: give 1 or more")
    if request.workers > 1 and request.executor == "ray":
        raise BadInput("--workers and --executor ray both share the runs among processes; give one of them")
    if request.workers > 1 and ":" in device:
        kind = device.partition(":")[0]
        raise BadInput(f"--device {device} names a single GPU, but --workers is {request.workers}; use --device {kind}")
