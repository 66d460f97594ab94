"""Facts on hardware and software for a receipt."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypedDict

from harness.machine.threads import cores

PACKAGES = ("torch", "torchvision", "numpy", "pillow")


class HardwareFacts(TypedDict):
    """The machine of a run. ``cores`` are the usable ones, ``threads`` those of torch; memory is in GiB."""

    cpu: str
    cores: int
    threads: int
    memory_gb: float
    gpu: str | None
    device: str
    system: str


def hardware_facts(device: str) -> HardwareFacts:
    """Processor, cores, memory and GPU, with ``device`` (cpu, cuda or cuda:N) as the one computed on."""
    import torch

    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": _processor(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(memory, 1),
        "gpu": torch.cuda.get_device_name(device) if device.startswith("cuda") else None,
        "device": device,
        "system": f"{platform.system()} {platform.machine()}",
    }


def device_name(facts: HardwareFacts) -> str:
    """The GPU's name, or the processor's with its threads."""
    threads = facts["threads"]
    return facts["gpu"] or f"{facts['cpu']} on {threads} thread{'s' if threads != 1 else ''}"


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
