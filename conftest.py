"""How the suite is run: the tests in one process per core, everything else in one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parent / "tests"


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # Before anything imports torch or numpy, which read this once. The processes that tests start inherit it.
    threads = max(1, cores() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(threads))
    # A thread that waits must not take a core from another worker.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Folders of tests run on all cores. A single module is not worth the start; benchmarks must not share cores."""
    asked = [config.invocation_params.dir / argument for argument in config.args]
    return cores() if all(path.is_dir() and TESTS in (path, *path.parents) for path in asked) else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first, so that no worker is left with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
