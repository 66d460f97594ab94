"""The fields of records, and of the other JSON files of a results folder.

All are JSON. Code decides on fields; sentences are made from them for display (``harness.results.sentences``).
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

from harness.cell import Cell, Setting, settings_label
from harness.errors import BadInput
from harness.evaluation.degeneracy import Degeneracy
from harness.evaluation.interval import Interval
from harness.evaluation.verdicts import VerdictWord
from harness.files.hashing import canonical_hash
from harness.machine.computation import Distrust, Precision
from harness.machine.hardware import HardwareFacts
from harness.machine.revision import GitState
from harness.recipe import Profile, StartKind
from harness.training.log import TrainingLog

DistanceMetric = Literal["cosine", "euclidean"]

SCHEMA = 2
"""Raise it whenever a field is added, dropped or changes its meaning. A record of another schema is refused. A field
that may be absent can be added without raising it."""


class InitialWeights(TypedDict):
    """Where a run starts, known before it is trained and part of its hash.

    ``content`` identifies the weights: a run id, a file name that ends in a digest, or a digest; empty for scratch.
    """

    kind: StartKind
    content: str


class RunConfiguration(TypedDict):
    """Everything that can change the weights of a run. Its hash is the run's id (``harness.plan.code``)."""

    method: str
    switches: dict[str, Any]
    recipe: dict[str, Any]
    initial_weights: InitialWeights
    dataset: str
    passport: str
    rows: str
    priors: str
    seed: int
    precision: Precision
    processes: int
    sync_batch_norm: bool
    compiled: bool
    code: dict[str, str]


class EvaluationConfiguration(TypedDict):
    """Everything that can change the figures of a trained run."""

    run: str
    dataset: str
    passport: str
    rows: str
    protocol: str
    embedding: str
    reranked: bool
    flip_test: bool
    priors: list[str]
    code: dict[str, str]


class Origin(TypedDict):
    """Where the first run of a lineage began. ``reason`` says why weights that its recipe ``wanted`` are missing."""

    kind: StartKind
    wanted: StartKind
    reason: str | None


class Start(TypedDict):
    """The start of a run, as it was loaded.

    ``kind`` is scratch where the weights that the recipe ``wanted`` are missing; ``reason`` says why.
    ``run``, ``method`` and ``part`` name the run that it starts from, ``file`` a file of published weights.
    ``split_norms`` counts the plain norms that were split for IBN-a. ``sha256`` is the digest of a file that the user
    named.
    """

    kind: StartKind
    wanted: StartKind
    reason: str | None
    origin: Origin
    run: str | None
    method: str | None
    part: Literal["trunk", "model"] | None
    file: str | None
    split_norms: int
    matched: int
    missing: list[str]
    unexpected: list[str]
    sha256: NotRequired[str]


class PriorsOfSplit(TypedDict):
    """The priors that were read for one split."""

    kinds: list[str]
    provider: str
    fingerprint: str


class Manifest(TypedDict):
    """``run.json``: the facts of a finished training."""

    id: str
    configuration: RunConfiguration
    parent: str | None
    initialisation: Start
    priors: PriorsOfSplit | None
    num_classes: int
    log: TrainingLog
    seconds: float
    peak_memory_mb: float
    started: str
    hardware: HardwareFacts
    weights_sha256: str
    distrust: NotRequired[Distrust]
    degenerate: NotRequired[Degeneracy]


class Parameters(TypedDict):
    """Learnable parameters by use; ``inference`` counts those that the matched feature depends on."""

    training: int
    training_without_classifiers: int
    inference: int


class Operations(TypedDict):
    """Multiply-adds of one image, and what is counted."""

    macs: int
    convention: str


class ExtractionLatency(TypedDict):
    """Milliseconds per image."""

    batch: int
    median_ms: float
    p95_ms: float
    repeats: int


class MatchingLatency(TypedDict):
    """Milliseconds per query. ``gallery`` counts the images that it is matched against."""

    gallery: int
    median_ms: float
    p95_ms: float
    repeats: int


class Latency(TypedDict):
    """Feature extraction at batch 1 and at a large batch, and matching, on ``device``."""

    features_batch1: ExtractionLatency
    features_large: ExtractionLatency
    matching: MatchingLatency
    device: str


class Cost(TypedDict):
    """The cost of a cell. ``estimators`` names the network that makes each kind of prior read at test, if known."""

    parameters: Parameters
    macs: Operations
    parameters_of_priors: int | None
    macs_of_priors: int | None
    estimators: dict[str, str | None]
    latency: Latency
    training_images_per_second: float
    peak_memory_mb: float


class Evaluation(TypedDict):
    """``evaluation.json``: the facts of a finished evaluation."""

    id: str
    configuration: EvaluationConfiguration
    metrics: dict[str, float]
    metrics_without_flip: dict[str, float]
    intervals: dict[str, Interval]
    cmc: list[float]
    cost: Cost
    seconds: float
    sha256: dict[str, str]
    training_rank1: NotRequired[float | None]
    distrust: NotRequired[Distrust]
    degenerate: NotRequired[Degeneracy]


class EffectiveBatch(TypedDict):
    """How a batch is composed and shared among the GPUs of a run."""

    gpus: int
    per_gpu: int
    identities: int | None
    images_per_identity: int | None
    infrared_images_per_identity: int
    bn_scope: str
    losses_over: str


class PassportOfRecord(TypedDict):
    """The passport of the dataset that a cell was tested on."""

    dataset: str
    variant: str
    official: bool
    fingerprint: str
    counts: dict[str, int]
    remarks: list[str]


class ProtocolOfRecord(TypedDict):
    """How query and gallery became numbers."""

    id: str
    metric: DistanceMetric
    flip_test: bool
    ap: str
    reranked: bool


class ComputationOfRecord(TypedDict):
    """The arithmetic of a training, and the number format of its stored features.

    ``distrust`` says why a training, or else its evaluation, took float32 where bfloat16 was planned.
    """

    precision: Precision
    memory_format: str
    compiled: bool
    features: str
    distrust: NotRequired[Distrust]


class Receipt(TypedDict):
    """Everything needed to judge and reproduce a figure. ``code`` is None in records older than its hash."""

    switches: dict[str, Any]
    recipe: dict[str, Any]
    initialisation: Start
    effective_batch: EffectiveBatch
    passport: PassportOfRecord
    protocol: ProtocolOfRecord
    embedding: str
    priors: dict[str, PriorsOfSplit]
    git: GitState
    packages: dict[str, str]
    hardware: HardwareFacts
    code: str | None
    computation: ComputationOfRecord
    wall_seconds: float
    started: str
    weights_sha256: str
    evaluation_sha256: dict[str, str]
    command: str


class ReceiptOfFailure(TypedDict):
    """How to try a failed cell again."""

    git: GitState
    command: str


class Cause(TypedDict):
    """Why a cell failed: a typed ``kind``, its message, the end of its log, and how often it was tried."""

    kind: str
    message: str
    log_tail: list[str]
    attempts: int


class VerdictOfMetric(TypedDict):
    """One figure against the published one."""

    word: VerdictWord
    arithmetic: str


class VerdictOfRecord(TypedDict):
    """The verdict of one record alone; ``reasons`` say why it is not comparable with its paper."""

    word: VerdictWord
    reason: str
    reasons: list[str]
    metrics: dict[str, VerdictOfMetric]


class SettingOfRecord(TypedDict):
    """One setting of one's own, by which the cell is not as printed."""

    name: str
    value: str


class CellFields(TypedDict):
    """The fields of a record that are known before its cell is evaluated. A cell as printed has no ``settings``."""

    schema: int
    cell: str
    table: str
    row: str
    method: str
    dataset: str
    profile: Profile
    seed: int
    run: str
    published: dict[str, float | None]
    settings: NotRequired[list[SettingOfRecord]]


class _Recorded(CellFields):
    verdict: VerdictOfRecord
    digest: NotRequired[str]


class DoneRecord(_Recorded):
    """One evaluated cell. Metrics are in percent, ``cmc`` holds ranks 1 to 50.

    ``training_rank1`` is the Rank-1 of training images among those of other cameras, None where nobody has two cameras.
    ``degenerate`` is a sign of collapse.
    """

    status: Literal["done"]
    cause: None
    evaluation: str
    evaluation_id: str
    metrics: dict[str, float]
    metrics_without_flip: dict[str, float]
    intervals: dict[str, Interval]
    cmc: list[float]
    curves: TrainingLog
    cost: Cost
    receipt: Receipt
    training_rank1: NotRequired[float | None]
    degenerate: NotRequired[Degeneracy]


class FailedRecord(_Recorded):
    """A cell that failed. ``metrics`` is empty."""

    status: Literal["failed"]
    cause: Cause
    evaluation: None
    evaluation_id: None
    metrics: dict[str, float]
    receipt: ReceiptOfFailure


Record = DoneRecord | FailedRecord


class Counts(TypedDict):
    """``datasets/<id>.json``: the counts of one dataset, for tables of datasets."""

    dataset: str
    variant: str
    fingerprint: str
    counts: dict[str, int]


class CostOfRow(TypedDict):
    """Parameters in millions; milliseconds per image or per query."""

    params_m: float
    time_ms: float


class MeasuredTable(TypedDict):
    """``complexity/<table>.json``: cost by row and column.

    Tables of batches have ``batch`` and the images' ``size``; tables of queries have ``gallery``.
    """

    table: str
    rows: dict[str, dict[str, CostOfRow]]
    batch: NotRequired[int]
    size: NotRequired[list[int]]
    gallery: NotRequired[dict[str, int]]
    precision: Precision
    hardware: HardwareFacts
    packages: dict[str, str]
    git: GitState


def cell_of(record: Record) -> Cell:
    """The cell that a record is of."""
    settings = tuple(Setting(**each) for each in record.get("settings", []))
    return Cell(record["table"], record["row"], record["dataset"], record["profile"], record["seed"], settings)


def record_label(record: Record) -> str:
    """A record in words: its cell, profile and seed, and what is not as printed."""
    settings = settings_label(cell_of(record).settings)
    return f"{record['cell']} ({record['profile']}, seed {record['seed']}{f'; {settings}' if settings else ''})"


def require_done(record: Record, purpose: str) -> DoneRecord:
    """The record of a cell that was evaluated. Raises BadInput for a failed one: there is nothing to ``purpose``."""
    if record["status"] == "failed":
        raise BadInput(
            f"{record_label(record)} failed ({record['cause']['kind']}); there is nothing to {purpose}, run it again"
        )
    return record


def record_digest(record: Record) -> str:
    """Hash of a whole record but the digest itself."""
    return canonical_hash({key: value for key, value in record.items() if key != "digest"}, 64)


def percent(record: DoneRecord, metric: str) -> float:
    """A metric of a record in percent. Ranks that are not listed are read from the CMC curve."""
    if metric not in record["metrics"] and metric.startswith("rank"):
        return float(record["cmc"][int(metric.removeprefix("rank")) - 1])
    return float(record["metrics"][metric])
