"""The machine a run is computed on: device, precision, and the facts that stand in a receipt."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.machine.threads import cores

PACKAGES = ("torch", "torchvision", "numpy", "pillow")


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
