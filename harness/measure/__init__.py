"""The cost of a method: parameters, multiply-adds, latency, memory."""

from harness.measure.cost import measured_cost
from harness.measure.latency import extraction_latency, matching_latency
from harness.measure.memory import peak_memory_mb
from harness.measure.operations import count_operations
from harness.measure.parameters import count_parameters, inference_parameters

__all__ = [
    "count_operations",
    "count_parameters",
    "extraction_latency",
    "inference_parameters",
    "matching_latency",
    "measured_cost",
    "peak_memory_mb",
]
