"""The Hugging Face Hub: ``.eval_results/*.yaml`` of a model's repository (https://huggingface.co/docs/hub/eval-results).

An entry names the benchmark's dataset on the Hub, one of its tasks, and one value. Tasks are the metrics here.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import yaml

from harness.evaluation.interval import Interval
from harness.reporting.leaderboards.published_record import (
    PublishedMetric,
    metrics_of,
    verdict_sentence,
    verify_command,
)
from harness.reporting.wording import fixed
from harness.results.record import DoneRecord, record_digest

FOLDER = ".eval_results"


def entries_of(record: DoneRecord, benchmark: str) -> list[dict[str, Any]]:
    """One entry per metric of a record.

    Args:
        record: The record.
        benchmark: Id of the benchmark's dataset on the Hub.
    """
    return [
        {
            "dataset": {"id": benchmark, "task_id": metric.id},
            "value": figure,
            "date": record["receipt"]["started"],
            "notes": _notes(record, metric, interval),
        }
        for metric, figure, interval in metrics_of(record)
    ]


def text_of(records: Sequence[DoneRecord], benchmark: str) -> str:
    """The YAML file of these records. A comment above it holds each receipt on a line."""
    receipts = [
        f"# receipt of record {record_digest(record)}: "
        f"{json.dumps(record['receipt'], sort_keys=True, ensure_ascii=True)}\n"
        for record in records
    ]
    entries = [entry for record in records for entry in entries_of(record, benchmark)]
    return "".join(receipts) + yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=10_000)


def _notes(record: DoneRecord, metric: PublishedMetric, interval: Interval | None) -> str:
    protocol = record["receipt"]["protocol"]
    between = ""
    if interval:
        low, high = interval["by_identity"]
        between = f", 95 % interval {fixed(low)} to {fixed(high)} by identity"
    return (
        f"{metric.name} in percent{between}; {record['cell']}, profile {record['profile']}, seed {record['seed']}, "
        f"protocol {protocol['id']}; {verdict_sentence(record)}; record {record_digest(record)}; "
        f"{verify_command(record)}"
    )
