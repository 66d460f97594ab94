"""The planner: from chosen rows to cells, and from cells to runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import registry
from harness.cell import INITIAL_WEIGHTS, Cell, Setting, Settings
from harness.datasets import dataset as dataset_spec
from harness.datasets.folder import PREFIX as FOLDER
from harness.errors import BadInput
from harness.files.hashing import canonical_hash, file_digest
from harness.machine.computation import Computation
from harness.method import Method
from harness.models.catalogue import TrunkNeeds
from harness.models.stages import require_stages
from harness.models.weights import imagenet_weights, luperson_file
from harness.plan.code import EVALUATION_CODE, TRAINING_CODE, effective_code, priors_code
from harness.plan.plan import NOT_READ, Plan, PlannedCell, Run, State
from harness.plan.selection import Choice
from harness.plan.settings import applied, handed_on, starting_from_file
from harness.plan.shelf import Shelf
from harness.plan.staleness import differences
from harness.priors import missing_priors
from harness.recipe import STUDY_SEEDS, Profile, Recipe
from harness.results.record import EvaluationConfiguration, InitialWeights, RunConfiguration
from harness.results.store import Store
from harness.tables import Row, Table
from harness.training.sampler import shares

if TYPE_CHECKING:
    from harness.datasets.base import Dataset, Split

DIGITS = 16
"""Hex digits of a file's digest that name it in a cell."""
UNTRAINED_FIELDS = ("flip_test",)
"""Fields of a recipe that only the test reads."""


@dataclass(frozen=True)
class Planner:
    """Makes plans for one results folder and one data root."""

    shelf: Shelf
    store: Store
    computation: Computation
    draw: bool = True
    """Whether an embedded dataset may be drawn, and ImageNet weights may be fetched."""
    strict: bool = True
    """Whether a dataset or priors that cannot be read raise BadInput. Otherwise they block their own cells."""
    initial_weights: Path | None = None
    """A file of weights that trunks start from."""

    def add(self, plan: Plan, choice: Choice, seeds: Sequence[int] | None = None) -> None:
        """Put the chosen cells into the plan, with the runs they need.

        Without ``seeds``, a cell has seed 0, in a study three seeds; a cell on a dataset with several splits has one
        seed per split.
        """
        table, known = choice.table, {planned.cell for planned in plan.cells}
        for row, settings in product(choice.rows, choice.combinations):
            for dataset in choice.datasets:
                if not table.has_cell(row, dataset):
                    continue
                for seed in seeds or _default_seeds(row, dataset, choice.profile):
                    cell = Cell(table.id, row.key, dataset, choice.profile, seed, settings)
                    planned = self._planned(cell, table, row, plan)
                    # Settings that change nothing make the cell as printed.
                    if planned.cell not in known:
                        known.add(planned.cell)
                        plan.cells.append(planned)

    def _planned(self, cell: Cell, table: Table, row: Row, plan: Plan) -> PlannedCell:
        planned = PlannedCell(cell, table, row, dataset_spec(cell.dataset))
        if not row.runs:
            return planned
        planned.state = "blocked"
        if not table.built:
            planned.reason = f"method {table.method} is not built yet"
            return planned
        method = registry.method(planned.method)
        file = registry.folders()[table.method] / "tables.yaml"
        printed = method.parse(dict(row.switches), f"{file}: {table.id}: row {row.key!r}")
        own = tuple(setting for setting in cell.settings if setting.name != INITIAL_WEIGHTS)
        training = applied(method, printed, _trained_on(planned), cell.profile, own)
        planned.cell = replace(cell, settings=training.settings + weights_setting(self.initial_weights))
        planned.switches = switches = training.switches
        planned.embedding, planned.reranked = method.embedding(switches), method.reranked(switches)
        try:
            planned.run = self._run(method, printed, _trained_on(planned), cell.profile, cell.seed, plan, own)
            blocked = planned.run.blocked or self._blocked(cell.dataset, planned.priors, ("query", "gallery"))
            if blocked:
                planned.reason = blocked
                return planned
            planned.evaluation = self._evaluation(planned)
        except BadInput as error:
            if self.strict:
                raise
            planned.reason = str(error)
            return planned
        planned.state, planned.reason = self._recorded_state(planned)
        return planned

    def _run(
        self, method: Method, printed: Any, dataset: str, profile: Profile, seed: int, plan: Plan, settings: Settings
    ) -> Run:
        """The run of a row's switches as ``printed``, changed by ``settings``, and the runs that it starts from."""
        training = applied(method, printed, dataset, profile, settings)
        switches, recipe = training.switches, training.recipe
        if self.initial_weights:
            recipe = starting_from_file(recipe, method.recipe(switches, dataset, "paper"))
        parent = None
        if recipe.initialisation.kind == "run":
            start = registry.method(recipe.initialisation.method or "")
            start_switches = start.parse(dict(recipe.initialisation.switches), f"the recipe of {method.id}")
            parent = self._run(start, start_switches, dataset, profile, seed, plan, handed_on(settings))
        kinds = method.priors(switches).training
        blocked = (
            (parent.blocked if parent else None)
            or self._unshared(recipe)
            or _refused(recipe.backbone, method.trunk(switches))
            or self._blocked(dataset, kinds, ("train",))
        )
        readable = not blocked and self._readable(dataset)
        configuration: RunConfiguration = {
            "method": method.id,
            "switches": {name: value for name, value in asdict(switches).items() if name not in method.test_switches},
            "recipe": {name: value for name, value in asdict(recipe).items() if name not in UNTRAINED_FIELDS},
            "initial_weights": {"kind": "run", "content": parent.id} if parent else self._initial_weights(recipe),
            "dataset": _without_path(dataset),
            "passport": self.shelf.dataset(dataset, seed).passport.fingerprint if readable else NOT_READ,
            "rows": _rows(self.shelf.dataset(dataset, seed).train) if readable else NOT_READ,
            "priors": self.shelf.priors(dataset, seed, "train", kinds).fingerprint if readable and kinds else "",
            "seed": seed,
            "precision": self.computation.precision,
            "processes": self.computation.processes,
            "sync_batch_norm": self.computation.sync_batch_norm,
            "compiled": self.computation.compiled,
            "code": effective_code((*TRAINING_CODE, *priors_code(kinds), method.model_address)),
        }
        file = self.initial_weights if recipe.initialisation.kind == "file" else None
        run = Run(
            method, switches, dataset, profile, seed, recipe, parent, self.computation, configuration, blocked, file
        )
        return plan.runs.setdefault(run.id, run)

    def _unshared(self, recipe: Recipe) -> str | None:
        """Why the processes of a run cannot share the batches of a recipe; None where they can."""
        try:
            shares(recipe.sampler, self.computation.processes)
        except BadInput as error:
            return str(error)
        return None

    def _evaluation(self, planned: PlannedCell) -> EvaluationConfiguration:
        """All that can change the figures of a trained run."""
        kinds, spec, seed, run = planned.priors, planned.spec, planned.cell.seed, planned.needed_run
        readable = self._readable(spec.id)
        splits = ("query", "gallery") if readable and kinds else ()
        return {
            "run": run.id,
            "dataset": _without_path(spec.id),
            "passport": self.shelf.dataset(spec.id, seed).passport.fingerprint if readable else NOT_READ,
            "rows": _tested(self.shelf.dataset(spec.id, seed)) if readable else NOT_READ,
            "protocol": spec.protocol,
            "embedding": planned.embedding,
            "reranked": planned.reranked,
            "flip_test": run.recipe.flip_test,
            "priors": [self.shelf.priors(spec.id, seed, split, kinds).fingerprint for split in splits],
            "code": effective_code((*EVALUATION_CODE, *priors_code(kinds))),
        }

    def _initial_weights(self, recipe: Recipe) -> InitialWeights:
        """The initial weights of a run that starts from no other run. ``draw`` lets it fetch ImageNet's."""
        if recipe.initialisation.kind == "file":
            if self.initial_weights is None:
                raise BadInput("--set recipe.initialisation.kind=file: name the file with --initial-weights FILE")
            return {"kind": "file", "content": f"sha256 {weights_digest(self.initial_weights)}"}
        if recipe.initialisation.kind == "luperson":
            return _luperson_start(recipe.backbone)
        if recipe.initialisation.kind == "imagenet":
            return _imagenet_start(recipe.backbone, self.draw)
        return {"kind": "scratch", "content": ""}

    def _readable(self, dataset: str) -> bool:
        return self.draw or self.shelf.drawn(dataset)

    def _blocked(self, dataset: str, kinds: tuple[str, ...], splits: tuple[str, ...]) -> str | None:
        return self.shelf.missing(dataset) or missing_priors(dataset, kinds, self.shelf.data_root, splits)

    def _recorded_state(self, planned: PlannedCell) -> tuple[State, str]:
        """The state of a cell by its record, and why: a record of another run or evaluation is stale."""
        try:
            record = self.store.record(planned.cell)
            if record is None:
                return "fresh", "no record yet"
            if record["status"] == "failed":
                return "failed", f"failed before ({record['cause']['kind']}); it is tried again"
            if record["evaluation_id"] != planned.evaluation_id:
                return "stale", "; ".join(differences(self.store, record, planned))
        except BadInput as error:
            return "damaged", str(error)
        return "cached", "recorded"


def _default_seeds(row: Row, dataset: str, profile: Profile) -> Sequence[int]:
    if not row.runs:
        return (0,)
    splits = dataset_spec(dataset).splits
    return STUDY_SEEDS if profile == "study" and splits == 1 else range(splits)


def weights_digest(file: Path) -> str:
    """Hex SHA-256 of a file of weights. Raises BadInput, naming the option, if it cannot be read."""
    try:
        found = file.stat()
        return _digest(file, found.st_size, found.st_mtime_ns)
    except OSError as error:
        raise BadInput(f"--initial-weights {file} cannot be read ({error.strerror}); name a file of weights") from error


@cache
def _digest(file: Path, size: int, changed: int) -> str:
    """The digest of a file that has this size and time of change: it is asked for each cell."""
    return file_digest(file)


def weights_setting(file: Path | None) -> Settings:
    """The setting that a file of weights makes; none without a file. Raises BadInput if it cannot be read."""
    return (Setting(INITIAL_WEIGHTS, weights_digest(file)[:DIGITS]),) if file else ()


def _refused(backbone: str, needs: TrunkNeeds) -> str | None:
    """Why a method cannot have that trunk; None where it can."""
    try:
        require_stages(backbone, needs)
    except BadInput as error:
        return str(error)
    return None


@cache
def _imagenet_start(backbone: str, fetch: bool) -> InitialWeights:
    found, where = imagenet_weights(backbone, fetch)
    return {"kind": "scratch", "content": ""} if found is None else {"kind": "imagenet", "content": where}


@cache
def _luperson_start(backbone: str) -> InitialWeights:
    path = luperson_file(backbone)
    if path is None:
        return {"kind": "scratch", "content": ""}
    return {"kind": "luperson", "content": f"sha256 {file_digest(path)}"}


@cache
def _rows(split: Split) -> str:
    """Hash of the split's image names, in order. Sampling depends on the order; the passport ignores it."""
    return canonical_hash(split.names)


@cache
def _tested(dataset: Dataset) -> str:
    """Hash of the queries, the gallery and the pooled queries, in order."""
    return canonical_hash([_rows(dataset.query), _rows(dataset.gallery), dataset.multi_query])


def _trained_on(planned: PlannedCell) -> str:
    """Id of the dataset that the cell's run trains on. A cell tested on embedded data is trained on embedded data."""
    trained_on = planned.row.trained_on
    if not trained_on:
        return planned.spec.training_id
    spec = dataset_spec(trained_on)
    return spec.stand_in if planned.spec.embedded else spec.training_id


def _without_path(dataset: str) -> str:
    """The dataset in a configuration. A user's own folder counts by its fingerprint, not by its path."""
    return FOLDER if dataset.startswith(FOLDER) else dataset
