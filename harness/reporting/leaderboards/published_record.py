"""What both formats say of a record: its metrics, its verdict, and how to verify it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from harness.cell import INITIAL_WEIGHTS
from harness.evaluation.interval import Interval
from harness.results.record import DoneRecord


@dataclass(frozen=True)
class PublishedMetric:
    """A metric that leaderboards are given: its id in records, its name, its kind, and the rank that it counts to."""

    id: str
    name: str
    kind: str
    description: str
    rank: int | None = None


METRICS = (
    PublishedMetric("map", "mAP", "mean_average_precision", "mean average precision over the queries, step form"),
    PublishedMetric("rank1", "Rank-1", "cmc", "queries with a right match at rank 1", 1),
    PublishedMetric("rank5", "Rank-5", "cmc", "queries with a right match within the first 5 ranks", 5),
    PublishedMetric("rank10", "Rank-10", "cmc", "queries with a right match within the first 10 ranks", 10),
    PublishedMetric("minp", "mINP", "mean_inverse_negative_penalty", "matches / rank of the last match, mean"),
)


def metrics_of(record: DoneRecord) -> Iterator[tuple[PublishedMetric, float, Interval | None]]:
    """Each published metric of a record in percent, with its intervals where the record has them."""
    for metric in METRICS:
        if metric.id in record["metrics"]:
            yield metric, record["metrics"][metric.id], record["intervals"].get(metric.id)


def verify_command(record: DoneRecord) -> str:
    """The command that scores the record again, given in the folder that was published."""
    which = [record["cell"], "--results", ".", "--profile", record["profile"], "--seed", str(record["seed"])]
    for setting in record.get("settings", []):
        from_file = setting["name"] == INITIAL_WEIGHTS
        which += ["--initial-weights", "FILE"] if from_file else ["--set", f"{setting['name']}={setting['value']}"]
    return f"reid-tables verify {shlex.join(which)}"


def verdict_sentence(record: DoneRecord) -> str:
    """The verdict against the record's paper, with its reasons."""
    verdict = record["verdict"]
    return f"{verdict['word']}: {verdict['reason']}" if verdict["reason"] else verdict["word"]
