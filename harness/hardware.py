"""The machine a run is computed on: device, precision, and the facts that stand in a receipt."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.errors import BadInput

PACKAGES = ("torch", "torchvision", "numpy", "pillow")


def choose_device(name: str | None) -> str:
    """The device asked for, or CUDA where there is one. Raises BadInput for one this machine does not have."""
    import torch

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch(r"cpu|cuda(:[0-9]+)?", name):
        raise BadInput(f"--device {name!r} is not a device; use cpu, cuda or cuda:N")
    kind, _, index = name.partition(":")
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise BadInput(f"--device {name}: this machine has {torch.cuda.device_count()} CUDA devices; use cpu")
    return name


def bfloat16_helps(device: str) -> bool:
    """Whether the device multiplies in bfloat16 natively; elsewhere it would be slower than float32."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(device)[0] >= 8
    if platform.machine() in ("x86_64", "AMD64"):
        # PyTorch's own check says yes to every AVX-512, on most of which bfloat16 is emulated, at a third of the speed.
        checks = [getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported")]
    else:
        # Built without oneDNN, as for macOS, PyTorch has no such check.
        checks = [getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)]
    return any(check() for check in checks if check)


def cores() -> int:
    """Cores that this process may use, which on a shared node are fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hardware_facts(device: str) -> dict[str, Any]:
    """Processor, cores, memory and GPU, for a receipt."""
    import torch

    gpu = torch.cuda.get_device_name(device) if device.startswith("cuda") else None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": _processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(memory, 1),
        "gpu": gpu,
        "device": device,
        "system": f"{platform.system()} {platform.machine()}",
    }


def device_name(facts: Mapping[str, Any]) -> str:
    """What is computed on, of ``hardware_facts``: the GPU, or the processor with its threads."""
    return facts["gpu"] or f"{facts['cpu']} on {facts['threads']} threads"


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that a figure depends on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    if facts.exists():
        for line in facts.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
