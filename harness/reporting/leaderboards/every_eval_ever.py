"""Every Eval Ever: one JSON file per record (https://github.com/evaleval/every_eval_ever, eval.schema.json)."""

from __future__ import annotations

import datetime
import json
import re
import uuid
from pathlib import PurePosixPath
from typing import Any

from harness import __version__
from harness.datasets import dataset as dataset_spec
from harness.evaluation.bootstrap import CONFIDENCE_LEVEL, DRAWS
from harness.evaluation.interval import Interval
from harness.reporting.leaderboards.published_record import (
    PublishedMetric,
    metrics_of,
    verdict_sentence,
    verify_command,
)
from harness.results.record import DoneRecord, record_digest

SCHEMA_VERSION = "0.3.0"


def file_of(record: DoneRecord) -> PurePosixPath:
    """The record's file: ``data/<dataset>/<developer>/<model>/<uuid>.json``, where the uuid comes from its digest."""
    unique = uuid.UUID(bytes=bytes.fromhex(record_digest(record))[:16], version=4)
    return PurePosixPath("data", _plain(record["dataset"]), "reid-tables", _plain(_model(record)), f"{unique}.json")


def content_of(record: DoneRecord, publisher: str) -> dict[str, Any]:
    """The record in the schema of ``SCHEMA_VERSION``.

    Args:
        record: The record.
        publisher: Who hands it over: a laboratory or a person.
    """
    receipt = record["receipt"]
    started = datetime.datetime.fromisoformat(receipt["started"])
    recorded = int(started.timestamp() + receipt["wall_seconds"])
    model = _model(record)
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{record['dataset']}/reid-tables_{model}/{recorded}",
        "evaluation_timestamp": receipt["started"],
        "retrieved_timestamp": str(recorded),
        "source_metadata": {
            "source_name": "reid-tables",
            "source_type": "evaluation_run",
            "source_organization_name": publisher,
            "evaluator_relationship": "other",
            "additional_details": {
                "record": record_digest(record),
                "receipt": json.dumps(receipt, sort_keys=True, ensure_ascii=False),
                "run_command": receipt["command"],
                "verify_command": verify_command(record),
                "verdict": verdict_sentence(record),
            },
        },
        "eval_library": {
            "name": "reid-tables",
            "version": __version__,
            "additional_details": {"revision": receipt["git"]["revision"] or "unknown"},
        },
        "model_info": {
            "name": f"{record['row']} ({record['table']})",
            "id": f"reid-tables/{model}",
            "additional_details": {
                "deployment_type": "self_deployed",
                "model_availability": "unknown",
                "run": record["run"],
                "weights_sha256": receipt["weights_sha256"],
                "profile": record["profile"],
                "seed": str(record["seed"]),
            },
        },
        "evaluation_results": [
            _result(record, metric, figure, interval) for metric, figure, interval in metrics_of(record)
        ],
    }


def _result(record: DoneRecord, metric: PublishedMetric, figure: float, interval: Interval | None) -> dict[str, Any]:
    protocol, passport = record["receipt"]["protocol"], record["receipt"]["passport"]
    title = dataset_spec(record["dataset"]).title
    details: dict[str, Any] = {"score": figure}
    if interval:
        details["uncertainty"] = _uncertainty(record, interval)
    return {
        "evaluation_result_id": f"{record_digest(record)[:16]}/{metric.id}",
        "evaluation_name": f"{title} {metric.name}",
        "source_data": {
            "dataset_name": title,
            "source_type": "other",
            "additional_details": {
                "id": record["dataset"],
                "variant": passport["variant"],
                "fingerprint": passport["fingerprint"],
                **{name: str(count) for name, count in passport["counts"].items()},
            },
        },
        "metric_config": {
            "evaluation_description": f"{metric.description}; protocol {protocol['id']}, {protocol['metric']} distance",
            "metric_id": f"reid.{metric.id}",
            "metric_name": metric.name,
            "metric_kind": metric.kind,
            "metric_unit": "percent",
            "metric_parameters": {
                "protocol": protocol["id"],
                "distance": protocol["metric"],
                "flip_test": protocol["flip_test"],
                "reranked": protocol["reranked"],
                **({"k": metric.rank} if metric.rank else {}),
            },
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0,
            "max_score": 100,
        },
        "score_details": details,
    }


def _uncertainty(record: DoneRecord, interval: Interval) -> dict[str, Any]:
    low, high = interval["by_identity"]
    metrics = record["metrics"]
    return {
        "confidence_interval": {
            "lower": low,
            "upper": high,
            "confidence_level": CONFIDENCE_LEVEL,
            "method": "percentile bootstrap of identities, each with all its queries",
        },
        "num_samples": int(metrics["queries"] - metrics["queries_without_match"]),
        "num_bootstrap_samples": DRAWS,
    }


def _model(record: DoneRecord) -> str:
    return f"{record['method']}-{record['run']}"


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")
