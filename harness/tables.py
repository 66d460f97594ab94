"""The published tables: ``methods/<id>/tables.yaml``, validated on loading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from harness import registry
from harness.datasets import DATASETS
from harness.datasets import dataset as dataset_spec
from harness.datasets.synthetic import is_dialled
from harness.errors import BadInput, unknown_name_error

PERCENT = {"map", "minp", "rank1", "rank3", "rank5", "rank10", "rank20"}
COSTS = {"params_m", "flops_g", "time_ms", "time_s"}
COUNTS = {f"{split}_{unit}" for split in ("train", "gallery", "query") for unit in ("ids", "images")}
COST_COLUMNS = {"training", "testing"}
"""Columns of a complexity table. Other tables have datasets as columns."""


class Figure(float):
    """A published number, with the number of its printed decimals."""

    decimals: int

    def __new__(cls, printed: str) -> Figure:
        """The figure as printed: ``"95.80"`` has two decimals."""
        figure = super().__new__(cls, float(printed))
        figure.decimals = len(printed.partition(".")[2])
        return figure


@dataclass(frozen=True)
class Paper:
    """The publication whose tables a method reproduces."""

    title: str
    venue: str
    year: int


Published = dict[str, dict[str, Figure | None]]
"""Figures by dataset (or cost column) and metric; None where the paper prints a dash."""


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    name: str
    """The row's name as printed."""
    key: str
    """Unique in its table: the name, after the group if the paper prints the name more than once."""
    group: str
    runs: bool
    """Whether the row runs here. Otherwise its figures are quoted from other work."""
    switches: Mapping[str, Any]
    published: Published
    note: str
    trained_on: str = ""
    """The dataset that the row's run trains on, if it differs from the tested dataset."""
    method: str = ""
    """Id of the method that runs the row. A table may compare its method with another that is built here."""
    borrowed: Mapping[str, str] = field(default_factory=dict)
    """Datasets for which the paper prints another row's figures in this row, each with a sentence that names them."""

    def published_of_its_own(self, dataset: str) -> dict[str, Figure | None]:
        """Published figures of the row itself on a dataset; none where the paper prints another row's figures."""
        return {} if dataset in self.borrowed else dict(self.published.get(dataset, {}))


@dataclass(frozen=True)
class Claim:
    """An ordering that the paper states: row ``better`` beats row ``worse`` in ``metric``."""

    table: str
    better: str
    worse: str
    metric: str
    text: str
    source: str
    more_at: str = ""
    """In a table of a mechanism: the column in which ``better`` gains more over ``worse`` than ``than_at``."""
    than_at: str = ""


@dataclass(frozen=True)
class Table:
    """One table or figure sweep of a paper, with rows in the paper's order.

    A table of a mechanism is our own: its columns are positions of a dial of the embedded data, without published
    figures. Its claims are what the paper predicts for the curve.
    """

    id: str
    method: str
    label: str
    caption: str
    note: str
    rows: tuple[Row, ...]
    paper: Paper
    claims: tuple[Claim, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Datasets (or cost columns) in the paper's order."""
        return tuple(dict.fromkeys(column for row in self.rows for column in row.published))

    @property
    def is_our_own(self) -> bool:
        """Whether every column is embedded data: a table of our own."""
        return bool(self.columns) and all(
            column not in COST_COLUMNS and dataset_spec(column).embedded for column in self.columns
        )

    @property
    def prints_counts(self) -> bool:
        """Whether the table counts the images and identities of datasets."""
        return not COUNTS.isdisjoint(self._metrics)

    @property
    def prints_complexity(self) -> bool:
        """Whether the table prints costs and no accuracy. Costs are measured without training."""
        return set(self.columns) <= COST_COLUMNS or self.prints_query_times

    @property
    def prints_query_times(self) -> bool:
        """Whether the table prints nothing but the time per query, in galleries of known size."""
        sized = all("gallery_images" in DATASETS[column].published for column in self.columns if column in DATASETS)
        return self._metrics == {"time_s"} and sized

    @property
    def _metrics(self) -> set[str]:
        return {metric for row in self.rows for figures in row.published.values() for metric in figures}

    @property
    def built(self) -> bool:
        """Whether the table's method can run."""
        return registry.is_built(self.method)

    def has_cell(self, row: Row, dataset: str) -> bool:
        """Whether that row can run on that dataset: on any but those that the paper leaves blank for the row."""
        return dataset in row.published or dataset not in self.columns

    def row(self, key: str) -> Row:
        """The row with that key. Raises BadInput with the nearest keys for an unknown one."""
        for row in self.rows:
            if row.key == key:
                return row
        raise unknown_name_error(f"row of {self.id}", key, [row.key for row in self.rows])


@cache
def tables() -> dict[str, Table]:
    """Every table of every method by id. Raises BadInput for a bad file, naming the place and the fix."""
    loaded: dict[str, Table] = {}
    for method_id, folder in registry.folders().items():
        file = folder / "tables.yaml"
        for table in load(file, method_id):
            if table.id in loaded:
                raise BadInput(f"{file}: table id {table.id!r} is taken; choose another")
            loaded[table.id] = table
    return loaded


def table(table_id: str) -> Table:
    """The table with that id. Raises BadInput with the nearest ids for an unknown one."""
    if table_id not in tables():
        raise unknown_name_error("table", table_id, tables())
    return tables()[table_id]


def load(path: Path, method_id: str) -> list[Table]:
    """Read and validate one tables.yaml. Raises BadInput for a bad file, naming the place and the fix."""
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        raise BadInput(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
    except (OSError, ValueError) as error:  # YAML raises ValueError for an impossible date.
        raise BadInput(f"{path}: cannot be read: {error}") from error
    _check_keys(content, str(path), {"paper", "tables"}, {"claims"})
    paper = _paper(content["paper"], f"{path}: paper")
    if not isinstance(content["tables"], list):
        raise BadInput(f"{path}: tables must be a list")
    claimed = [] if content.get("claims") is None else content["claims"]
    if not isinstance(claimed, list):
        raise BadInput(f"{path}: claims must be a list")
    found = [
        _table(entry, f"{path}: table {number}", method_id, paper) for number, entry in enumerate(content["tables"], 1)
    ]
    claims = [_claim(entry, f"{path}: claim {number}", found) for number, entry in enumerate(claimed, 1)]
    return [_with_claims(table, claims) for table in found]


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML. It keeps printed decimals, and refuses a key that is not text or is given twice."""


def _figure(loader: Any, node: yaml.ScalarNode) -> float:
    try:
        return Figure(node.value)
    except ValueError:
        return float(loader.construct_yaml_float(node))


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[str, Any]:
    keys = [loader.construct_object(key) for key, _ in node.value]
    for key in keys:
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} is not text; write it in quotes", node.start_mark
            )
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        raise yaml.constructor.ConstructorError(None, None, f"key {twice[0]!r} is given twice", node.start_mark)
    return {key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)}


_Loader.add_constructor("tag:yaml.org,2002:float", _figure)
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def _check_keys(entry: Any, where: str, needed: set[str], allowed: set[str]) -> None:
    if not isinstance(entry, dict):
        raise BadInput(f"{where}: must be a mapping with {', '.join(sorted(needed))}")
    for key in sorted(needed - entry.keys()):
        raise BadInput(f"{where}: {key!r} is missing; add it")
    for key in entry.keys() - needed - allowed:
        raise BadInput(f"{where}: {unknown_name_error('key', str(key), sorted(needed | allowed))}")


def _check_text(entry: Mapping[str, Any], where: str, names: Iterable[str]) -> None:
    for name in names:
        if not isinstance(entry.get(name, ""), str):
            raise BadInput(f"{where}: {name} is {entry[name]!r} and not text; write it in quotes")


def _paper(entry: Any, where: str) -> Paper:
    _check_keys(entry, where, {"title", "venue", "year"}, set())
    _check_text(entry, where, ("title", "venue"))
    return Paper(entry["title"], entry["venue"], entry["year"])


def _table(entry: Any, where: str, method_id: str, paper: Paper) -> Table:
    _check_keys(entry, where, {"id", "label", "caption", "rows"}, {"note"})
    where = f"{where} ({entry['id']})"
    if not isinstance(entry["id"], str) or not entry["id"].replace("_", "").isalnum():
        raise BadInput(f"{where}: the id may hold letters, digits and '_' only")
    _check_text(entry, where, ("label", "caption", "note"))
    if not isinstance(entry["rows"], list) or not entry["rows"]:
        raise BadInput(f"{where}: rows must be a list of at least one row")
    for number, row in enumerate(entry["rows"], 1):
        optional = {"switches", "group", "note", "trained_on", "method", "borrowed"}
        _check_keys(row, f"{where}: row {number}", {"name", "runs", "values"}, optional)
        _check_text(row, f"{where}: row {number}", ("name", "group", "note", "trained_on", "method"))
    names = Counter(row["name"] for row in entry["rows"])
    rows = tuple(_row(row, f"{where}: row {row['name']!r}", method_id, names[row["name"]] > 1) for row in entry["rows"])
    for key, count in Counter(row.key for row in rows).items():
        if count > 1:
            raise BadInput(f"{where}: {count} rows are called {key!r}; give each its own group or name")
    return Table(entry["id"], method_id, entry["label"], entry["caption"], entry.get("note", ""), rows, paper)


def _row(entry: dict[str, Any], where: str, method_id: str, repeated: bool) -> Row:
    if not isinstance(entry["runs"], bool):
        raise BadInput(f"{where}: runs must be true or false")
    switches = entry.get("switches") or {}
    if entry["runs"] and not isinstance(entry.get("switches"), dict):
        raise BadInput(f"{where}: runs is true, so switches must be given")
    if not isinstance(switches, dict):
        raise BadInput(f"{where}: switches must map names to values")
    method_id = entry.get("method", method_id)
    if method_id not in registry.folders():
        raise BadInput(f"{where}: {unknown_name_error('method', str(method_id), registry.folders())}")
    if entry["runs"] and registry.is_built(method_id):
        registry.method(method_id).parse(switches, where)
    group = entry.get("group", "")
    key = f"{group} {entry['name']}" if repeated and group else entry["name"]
    trained_on = entry.get("trained_on", "")
    if trained_on and trained_on not in DATASETS:
        raise BadInput(f"{where}: {unknown_name_error('dataset to train on', str(trained_on), DATASETS)}")
    published = _published(entry["values"], where)
    note, borrowed = entry.get("note", ""), _borrowed(entry.get("borrowed", {}), published, f"{where}: borrowed")
    return Row(entry["name"], key, group, entry["runs"], switches, published, note, trained_on, method_id, borrowed)


def _borrowed(entry: Any, published: Published, where: str) -> dict[str, str]:
    if not isinstance(entry, dict):
        raise BadInput(f"{where}: must map datasets to a sentence that says whose figures these are")
    _check_text(entry, where, entry)
    for column in entry.keys() - published.keys():
        raise BadInput(f"{where}: {unknown_name_error('dataset of the row', column, published)}")
    return entry


def _published(values: Any, where: str) -> Published:
    if not isinstance(values, dict) or not values:
        raise BadInput(f"{where}: values must map datasets to published figures")
    for column, figures in values.items():
        _check_column(column, where)
        if not isinstance(figures, dict):
            raise BadInput(f"{where}: {column}: must map metrics to figures")
        for metric, figure in figures.items():
            _check_figure(metric, figure, f"{where}: {column}: {metric}")
    return {
        column: {metric: _as_figure(figure) for metric, figure in figures.items()} for column, figures in values.items()
    }


def _check_column(column: Any, where: str) -> None:
    if is_dialled(str(column)):
        if dataset_spec(column).id != column:
            raise BadInput(f"{where}: write the dataset {column} as {dataset_spec(column).id}")
    elif column not in DATASETS and column not in COST_COLUMNS:
        raise BadInput(f"{where}: {unknown_name_error('dataset', str(column), DATASETS)}")


def _as_figure(figure: Any) -> Figure | None:
    return figure if figure is None or isinstance(figure, Figure) else Figure(str(figure))


def _check_figure(metric: Any, figure: Any, where: str) -> None:
    known = PERCENT | COSTS | COUNTS
    if metric not in known:
        raise BadInput(f"{where}: {unknown_name_error('metric', str(metric), sorted(known))}")
    if figure is None:
        return
    if isinstance(figure, bool) or not isinstance(figure, (int, float)):
        raise BadInput(f"{where}: {figure!r} is not a number; write the printed figure, or null for a dash")
    if not (0 <= figure <= 100 if metric in PERCENT else figure >= 0):
        raise BadInput(f"{where}: {figure} is out of range; {metric} is printed in percent")


def _claim(entry: Any, where: str, known: Iterable[Table]) -> Claim:
    _check_keys(entry, where, {"table", "better", "worse", "metric", "text", "source"}, {"more_at", "than_at"})
    _check_text(entry, where, entry)
    by_id = {table.id: table for table in known}
    if entry["table"] not in by_id:
        raise BadInput(f"{where}: {unknown_name_error('table', str(entry['table']), by_id)}")
    for side in ("better", "worse"):
        if not by_id[entry["table"]].row(entry[side]).runs:
            raise BadInput(f"{where}: row {entry[side]!r} is quoted, not run; a claim needs two rows that run")
    if entry["metric"] not in PERCENT:
        raise BadInput(f"{where}: {unknown_name_error('metric', str(entry['metric']), sorted(PERCENT))}")
    if ("more_at" in entry) != ("than_at" in entry):
        raise BadInput(f"{where}: more_at and than_at belong together; give both columns or none")
    for column in (entry[key] for key in ("more_at", "than_at") if key in entry):
        if column not in by_id[entry["table"]].columns:
            raise BadInput(f"{where}: {unknown_name_error('column', column, by_id[entry['table']].columns)}")
    return Claim(**entry)


def _with_claims(table: Table, claims: Iterable[Claim]) -> Table:
    return replace(table, claims=tuple(claim for claim in claims if claim.table == table.id))
