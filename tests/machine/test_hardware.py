"""How a device is named in receipts, forecasts and pages."""

from __future__ import annotations

import pytest

from harness.machine.hardware import HardwareFacts, device_name


@pytest.mark.parametrize(
    ("threads", "gpu", "name"),
    [(1, None, "AMD EPYC on 1 thread"), (11, None, "AMD EPYC on 11 threads"), (1, "NVIDIA H200", "NVIDIA H200")],
)
def test_a_device_is_named_by_its_gpu_or_by_its_processor_and_threads(threads, gpu, name):
    facts: HardwareFacts = {
        "cpu": "AMD EPYC",
        "cores": 2,
        "threads": threads,
        "memory_gb": 23.5,
        "gpu": gpu,
        "device": "cpu",
        "system": "Linux x86_64",
    }
    assert device_name(facts) == name
