"""Tables to cells, cells to runs: what there is to do, and what is done already."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal

from harness import registry
from harness.cell import Cell
from harness.computation import Computation
from harness.datasets import dataset as dataset_spec
from harness.datasets.folder import PREFIX as FOLDER
from harness.errors import BadInput
from harness.fingerprint import Address, canonical_hash, changed, reached_code
from harness.method import Method
from harness.models.weights import imagenet_weights, luperson_file
from harness.priors import missing_priors
from harness.recipe import Profile, Recipe
from harness.shelf import Shelf
from harness.store import Record, Store, file_digest
from harness.tables import Row, Table
from harness.training.sampler import shares

if TYPE_CHECKING:
    from harness.datasets.base import Dataset, Split

State = Literal["cached", "stale", "fresh", "failed", "blocked", "quoted"]

TRAINING_CODE: tuple[Address, ...] = (
    ("harness.training.loop", "train"),
    ("harness.execution.preparation", "build_model"),
    ("harness.execution.preparation", "initialise"),
    ("harness.execution.preparation", "training_data"),
    # Reached through annotated arguments only, which the reading of the code does not follow.
    ("harness.training.machine", "Machine"),
    ("harness.recipe", "Sampler"),
)
EVALUATION_CODE: tuple[Address, ...] = (
    ("harness.execution.evaluation", "evaluate_run"),
    ("harness.training.machine", "Machine"),
)
PRIORS_CODE: Address = ("harness.priors.loading", "_prior")
"""Makes what a method reads from what is stored, whose fingerprint knows nothing of it."""
WITHOUT_EFFECT = ("harness.errors:", "harness.store:", "harness.cache:", "harness.registry:", "harness.shelf:")
"""Code that is reached but cannot change a figure: how files are found and written, how errors are worded."""
UNTRAINED_FIELDS = ("flip_test",)
"""Fields of a recipe that are read only at test."""


@dataclass(eq=False)
class Run:
    """One training. ``id`` is the hash of ``configuration``, all that can change its weights."""

    method: Method
    switches: Any
    dataset: str
    profile: Profile
    seed: int
    recipe: Recipe
    parent: Run | None
    computation: Computation
    configuration: dict[str, Any]
    blocked: str | None

    @cached_property
    def id(self) -> str:
        """Sixteen hex digits."""
        return canonical_hash(self.configuration)


@dataclass(eq=False)
class PlannedCell:
    """A cell with what is known of it: its run, how it is evaluated, and where it stands."""

    cell: Cell
    method: str
    published: dict[str, float | None]
    run: Run | None
    embedding: str
    reranked: bool
    switches: Any
    evaluation: dict[str, Any]
    state: State
    reason: str

    @property
    def evaluation_id(self) -> str:
        """Hash of all that can change the figures of the trained run."""
        return canonical_hash(self.evaluation)

    @property
    def reading(self) -> str:
        """What of its run the cell is scored by, as folders and receipts call it."""
        return f"{self.embedding}-reranked" if self.reranked else self.embedding

    @property
    def priors(self) -> tuple[str, ...]:
        """Kinds of prior that its test feature is made from."""
        assert self.run is not None
        return self.run.method.priors(self.switches).inference


@dataclass
class Plan:
    """Cells in the order of their tables, and the distinct runs they need, each after the run it starts from."""

    cells: list[PlannedCell] = field(default_factory=list)
    runs: dict[str, Run] = field(default_factory=dict)

    def cells_of(self, run: Run) -> list[PlannedCell]:
        """The cells that are read from a run."""
        return [planned for planned in self.cells if planned.run is run]


@dataclass(frozen=True)
class Planner:
    """Makes plans for one results folder and data root; ``draw`` is false where nothing may be drawn.

    Where a dataset or its priors cannot be used the cells on it are blocked, or with ``strict`` that is raised.
    """

    shelf: Shelf
    store: Store
    computation: Computation
    draw: bool = True
    strict: bool = True

    def add(
        self,
        plan: Plan,
        table: Table,
        rows: Iterable[Row],
        datasets: Sequence[str],
        profile: Profile,
        seeds: Sequence[int] | None = None,
    ) -> None:
        """Put the cells of these rows of a table into the plan, with the runs they need.

        Without ``seeds`` it is seed 0, and of a dataset of several splits a seed for each of them.
        """
        for row in rows:
            for dataset in datasets:
                if not table.has_cell(row, dataset):
                    continue
                for seed in seeds or range(dataset_spec(dataset).splits if row.runs else 1):
                    cell = Cell(table.id, row.key, dataset, profile, seed)
                    plan.cells.append(self._planned(cell, table, row, plan))

    def _planned(self, cell: Cell, table: Table, row: Row, plan: Plan) -> PlannedCell:
        published = _published(row, cell.dataset)
        planned = PlannedCell(
            cell, row.method or table.method, published, None, "", False, None, {}, "quoted", "quoted from other work"
        )
        if not row.runs:
            return planned
        planned.state = "blocked"
        if not table.built:
            planned.reason = f"method {table.method} is not built yet"
            return planned
        method = registry.method(row.method or table.method)
        file = registry.folders()[table.method] / "tables.yaml"
        switches = method.parse(dict(row.switches), f"{file}: {table.id}: row {row.key!r}")
        planned.switches = switches
        planned.embedding, planned.reranked = method.embedding(switches), method.reranked(switches)
        try:
            run = self._run(method, switches, _trained_on(row, cell.dataset), cell.profile, cell.seed, plan)
            planned.run = run
            reason = run.blocked or self._blocked(cell.dataset, planned.priors, ("query", "gallery"))
            planned.evaluation = {} if reason else self._evaluation(planned, run)
        except BadInput as error:
            if self.strict:
                raise
            reason = str(error)
        if reason:
            planned.reason = reason
        else:
            planned.state, planned.reason = self._standing(planned)
        return planned

    def _run(self, method: Method, switches: Any, dataset: str, profile: Profile, seed: int, plan: Plan) -> Run:
        recipe = method.recipe(switches, dataset, profile)
        parent = None
        if recipe.initialisation.kind == "run":
            start = registry.method(recipe.initialisation.method or "")
            start_switches = start.parse(dict(recipe.initialisation.switches), f"the recipe of {method.id}")
            parent = self._run(start, start_switches, dataset, profile, seed, plan)
        kinds = method.priors(switches).training
        blocked = (
            (parent.blocked if parent else None) or self._unshared(recipe) or self._blocked(dataset, kinds, ("train",))
        )
        readable = not blocked and self._readable(dataset)
        configuration = {
            "method": method.id,
            "switches": {name: value for name, value in asdict(switches).items() if name not in method.test_switches},
            "recipe": {name: value for name, value in asdict(recipe).items() if name not in UNTRAINED_FIELDS},
            "initial_weights": f"run {parent.id}" if parent else self._initial_weights(recipe),
            "dataset": _without_path(dataset),
            "passport": self.shelf.dataset(dataset, seed).passport.fingerprint if readable else "not read",
            "rows": _rows(self.shelf.dataset(dataset, seed).train) if readable else "not read",
            "priors": self.shelf.priors(dataset, seed, "train", kinds).fingerprint if readable and kinds else "",
            "seed": seed,
            **self.computation.as_configuration(),
            "code": _code((*TRAINING_CODE, *_priors_code(kinds), method.model_address)),
        }
        run = Run(method, switches, dataset, profile, seed, recipe, parent, self.computation, configuration, blocked)
        return plan.runs.setdefault(run.id, run)

    def _unshared(self, recipe: Recipe) -> str | None:
        """Why the batches of a recipe cannot be shared among the processes of a run, if they cannot."""
        try:
            shares(recipe.sampler, self.computation.processes)
        except BadInput as error:
            return str(error)
        return None

    def _evaluation(self, planned: PlannedCell, run: Run) -> dict[str, Any]:
        """All that can change the figures read from a trained run."""
        kinds = planned.priors
        spec, seed = dataset_spec(planned.cell.dataset), planned.cell.seed
        readable = self._readable(spec.id)
        return {
            "run": run.id,
            "dataset": _without_path(spec.id),
            "passport": self.shelf.dataset(spec.id, seed).passport.fingerprint if readable else "not read",
            "rows": _tested(self.shelf.dataset(spec.id, seed)) if readable else "not read",
            "protocol": spec.protocol,
            "embedding": planned.embedding,
            "reranked": planned.reranked,
            "flip_test": run.recipe.flip_test,
            "priors": [self.shelf.priors(spec.id, seed, split, kinds).fingerprint for split in ("query", "gallery")]
            if readable and kinds
            else [],
            "code": _code((*EVALUATION_CODE, *_priors_code(kinds))),
        }

    def _initial_weights(self, recipe: Recipe) -> str:
        """Where a run that starts from no other run starts; ImageNet weights are fetched only before real work."""
        if recipe.initialisation.kind == "luperson":
            return _luperson_content(recipe.backbone)
        if recipe.initialisation.kind != "imagenet":
            return "scratch"
        return _imagenet_file(recipe.backbone, self.draw)

    def _readable(self, dataset: str) -> bool:
        return self.draw or self.shelf.drawn(dataset)

    def _blocked(self, dataset: str, kinds: tuple[str, ...], splits: tuple[str, ...]) -> str | None:
        return self.shelf.missing(dataset) or missing_priors(dataset, kinds, self.shelf.data_root, splits)

    def _standing(self, planned: PlannedCell) -> tuple[State, str]:
        """Whether the cell has a record, and whether that record is of what would be run now."""
        cell = planned.cell
        record = self.store.record(cell.table, cell.row, cell.dataset, cell.profile, cell.seed)
        if record is None:
            return "fresh", "no record yet"
        if record["status"] == "failed":
            return "failed", f"failed before ({record['cause']['kind']}); it is tried again"
        if record["evaluation_id"] != planned.evaluation_id:
            return "stale", "; ".join(differences(self.store, record, planned))
        return "cached", "recorded"


def differences(store: Store, record: Record, planned: PlannedCell) -> list[str]:
    """What has changed since a record was made, one phrase each: settings by name, code by definition."""
    assert planned.run is not None
    before = store.run_manifest(record["run"])
    if before is None:
        return [f"the folder of its run, {store.run_folder(record['run'])}, is gone"]
    phrases = _changed_run(store, before, planned.run)
    evaluation = store.evaluation(record["evaluation"])
    if evaluation is None:
        return [*phrases, f"its evaluation in {record['evaluation']} is gone"]
    return phrases + _changed_settings(evaluation["configuration"], {**planned.evaluation, "run": record["run"]}, "")


def _changed_run(store: Store, before: Record, run: Run) -> list[str]:
    """What changed in a run, or in the runs that it starts from."""
    start = store.run_manifest(before["parent"]) if before["parent"] else None
    if start is None or run.parent is None:
        return _changed_settings(before["configuration"], run.configuration, "")
    same_start = {**run.configuration, "initial_weights": before["configuration"]["initial_weights"]}
    phrases = _changed_run(store, start, run.parent) + _changed_settings(before["configuration"], same_start, "")
    return list(dict.fromkeys(phrases))


def _changed_settings(before: dict[str, Any], after: dict[str, Any], prefix: str) -> list[str]:
    phrases = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name == "code":
            phrases += changed(old or {}, new or {})
        elif isinstance(old, dict) and isinstance(new, dict):
            phrases += _changed_settings(old, new, f"{prefix}{name}.")
        else:
            phrases.append(f"{prefix}{name} was {old!r}, now {new!r}")
    return phrases


@cache
def _imagenet_file(backbone: str, fetch: bool) -> str:
    found, where = imagenet_weights(backbone, fetch)
    return "scratch, for want of ImageNet weights" if found is None else where


@cache
def _luperson_content(backbone: str) -> str:
    path = luperson_file(backbone)
    return "scratch, for want of LUPerson weights" if path is None else f"LUPerson sha256 {file_digest(path)}"


@cache
def _code(roots: tuple[Address, ...]) -> dict[str, str]:
    return {name: digest for name, digest in reached_code(roots).items() if not name.startswith(WITHOUT_EFFECT)}


def _priors_code(kinds: tuple[str, ...]) -> tuple[Address, ...]:
    return (PRIORS_CODE,) if kinds else ()


@cache
def _rows(split: Split) -> str:
    """Hash of which images a split has in which order, on which sampling and drawing depend and a passport does not."""
    return canonical_hash(split.names)


@cache
def _tested(dataset: Dataset) -> str:
    """Hash of what is ranked for what, as a loader reads it from the same files."""
    return canonical_hash([_rows(dataset.query), _rows(dataset.gallery), dataset.multi_query])


def _trained_on(row: Row, dataset: str) -> str:
    """Id of the dataset that a row's run for a test set trains on; for an embedded one an embedded one."""
    spec = dataset_spec(row.trained_on or dataset)
    if row.trained_on and dataset_spec(dataset).embedded:
        return spec.stand_in
    return spec.training_id


def _without_path(dataset: str) -> str:
    """A user's own folder is known by its content, whose fingerprint stands beside, not by where it lies."""
    return FOLDER if dataset.startswith(FOLDER) else dataset


def _published(row: Row, dataset: str) -> dict[str, float | None]:
    """What is printed of that cell itself."""
    return (
        {} if dataset in row.borrowed else {metric: figure for metric, figure in row.published.get(dataset, {}).items()}
    )
