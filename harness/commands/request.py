"""The request that a command line makes: the verb, the cells, the folders and the devices. Imports no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from harness.recipe import Profile

Verb = Literal["run", "dry-run", "list", "status", "why", "explain", "verify", "compare", "roc", "report"]
DataVerb = Literal["data list", "data check", "data fetch", "data priors"]
ScoreVerb = Literal["score"]
CheckVerb = Literal["check"]
AnyVerb = Verb | DataVerb | ScoreVerb | CheckVerb


def default_data_root() -> Path:
    """The folder that ``HARNESS_DATA_ROOT`` names, else ``data``."""
    return Path(os.environ.get("HARNESS_DATA_ROOT", "data"))


@dataclass(frozen=True)
class Request:
    """A request about tables, cells and records. A field that the verb does not read keeps its default."""

    verb: Verb
    cells: tuple[str, ...] = ()
    """Addresses of cells, ``mpn_ablation-MPN-synthetic``: two for ``compare``, one for the other verbs on records."""
    tables: tuple[str, ...] = ()
    """Ids of tables, or ``all``."""
    rows: tuple[str, ...] = ()
    """Names or keys of rows; empty means every row."""
    dataset: str | None = None
    profile: Profile | None = None
    seeds: tuple[int, ...] = ()
    settings: tuple[str, ...] = ()
    """Settings of one's own, as written: ``recipe.epochs=20`` or, for a sweep, ``recipe.epochs=10,20``."""
    initial_weights: Path | None = None
    """A file of weights that trunks start from."""
    data_root: Path = field(default_factory=default_data_root)
    results: Path = Path("results")
    report: Path = Path("reports")
    device: str | None = None
    """``cpu``, ``cuda`` or ``cuda:N``; None means CUDA where there is a GPU."""
    images: bool = False
    """Whether records and pages may hold images of real datasets."""
    watch: bool = False
    """Whether the report is written anew as records land, until it is stopped."""
    executor: Literal["local", "ray"] = "local"
    workers: int = 1
    """Processes that carry out the plan together on this machine."""
    gpus_per_run: int = 1
    sync_bn: bool = False
    precision: Literal["bfloat16", "float32"] | None = None
    """None means bfloat16 where it is native."""
    compile: bool = False
    tensorboard: bool = False
    run_timeout: float | None = None
    """Seconds without a sign of life until a run is ended; None means never."""
    stop_degenerate: bool = False
    """Whether a run is ended whose losses show that its network has collapsed."""
    json: bool = False
    verbose: bool = False
    """Whether a dry run lists every run and cell."""


@dataclass(frozen=True)
class DataRequest:
    """A request about datasets on disk. A field that the verb does not read keeps its default."""

    verb: DataVerb
    datasets: tuple[str, ...] = ()
    """Ids of datasets; empty means those found under the data root."""
    data_root: Path = field(default_factory=default_data_root)
    json: bool = False
    provider: str = ""
    splits: tuple[str, ...] = ()
    """Splits to make priors of; empty means ``train``."""
    seed: int = 0
    """Picks one of several numbered splits, as it does in a run."""
    overwrite: bool = False
    keypoints: Path | None = None
    masks: Path | None = None
    labels: Path | None = None
    device: str | None = None


@dataclass(frozen=True)
class ScoreRequest:
    """A request to score features of a user's own."""

    verb: ScoreVerb
    files: tuple[Path, ...]
    """One npz file with features and labels, or two npy files with the features of query and gallery."""
    labels: Path | None = None
    """The CSV file of ids and cameras that goes with two npy files."""
    protocol: str = "market1501"
    """Id of a protocol, or of a dataset that is scored by it."""
    metric: Literal["cosine", "euclidean"] = "cosine"
    rerank: bool = False
    ladder: bool = False
    """Whether the features are scored by every switch of the protocol, too."""
    published: tuple[str, ...] = ()
    """Figures that a paper prints, as written: ``map=85.1``."""
    json: bool = False


@dataclass(frozen=True)
class CheckRequest:
    """A request to check that a method keeps the contract."""

    verb: CheckVerb
    method: str
    """Id of a method of this repository, or of an installed package."""


AnyRequest = Request | DataRequest | ScoreRequest | CheckRequest
