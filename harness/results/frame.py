"""All records of a results folder as one pandas table, for questions that the pages do not answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from harness.results.record import Record
from harness.results.store import existing

IDENTITY = ("cell", "table", "row", "method", "dataset", "profile", "seed", "status", "run")


def records_frame(results: Path) -> pd.DataFrame:
    """One line per record: its cell, verdict, metrics, ``published_*`` figures and cost. Absent values are NaN.

    ``settings`` holds settings of one's own, and is empty for a cell as printed. Damaged records are left out.
    Raises BadInput for a folder that is not there.
    """
    return pd.DataFrame([_line(record) for record in existing(results, "results").records()])


def _line(record: Record) -> dict[str, Any]:
    line: dict[str, Any] = {name: value for name, value in record.items() if name in IDENTITY}
    line["settings"] = ", ".join(f"{each['name']}={each['value']}" for each in record.get("settings", []))
    line["verdict"] = record["verdict"]["word"]
    line |= record["metrics"]
    line |= {f"published_{metric}": figure for metric, figure in record["published"].items()}
    if record["status"] == "done":
        cost = record["cost"]
        line |= {f"parameters_{use}": count for use, count in cost["parameters"].items()}
        line["macs"] = cost["macs"]["macs"]
        line["features_batch1_ms"] = cost["latency"]["features_batch1"]["median_ms"]
        line["matching_ms"] = cost["latency"]["matching"]["median_ms"]
        line["training_images_per_second"] = cost["training_images_per_second"]
    return line
