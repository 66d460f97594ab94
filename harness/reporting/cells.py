"""Measured cells of a table: records grouped by row, dataset and profile, all seeds together, beside the paper."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, stdev

from harness.cell import Cell, cell_command
from harness.datasets import dataset as dataset_spec
from harness.evaluation.cell_verdict import CellVerdict, judge_cell
from harness.evaluation.verdicts import Verdict, mean_per_split
from harness.files.names import dataset_stem
from harness.recipe import Profile
from harness.reporting.cost_figures import MEANINGS, MeasuredCost, measured_cost
from harness.reporting.wording import plain_message
from harness.results.reading import Damaged
from harness.results.record import DoneRecord, FailedRecord, Record, percent
from harness.results.seeds import recipe_reasons
from harness.results.sentences import degeneracy_sentence
from harness.tables import COST_COLUMNS, PERCENT, Figure, Row, Table

PROFILE_ORDER: tuple[Profile, ...] = ("paper", "budget", "study", "demo")
"""From the whole recipe to the shortest."""


@dataclass(frozen=True)
class Measured:
    """One metric of one cell, in percent, against the published figure where the paper prints one.

    ``values`` holds one per seed, or one per split where the dataset has several; ``counted`` reads "3 seeds".
    ``interval`` is the 95 % bootstrap interval by identity, for a single training only. ``reach`` spans the intervals
    of all trainings, from the lowest bound to the highest.
    """

    metric: str
    values: tuple[float, ...]
    counted: str
    published: Figure | None
    interval: tuple[float, float] | None
    reach: tuple[float, float] | None
    verdict: Verdict

    @property
    def mean(self) -> float:
        """Mean over the seeds, or over the splits."""
        return fmean(self.values)

    @property
    def spread(self) -> float | None:
        """Sample standard deviation over the seeds, or over the splits; None for one."""
        return stdev(self.values) if len(self.values) > 1 else None

    @property
    def decimals(self) -> int:
        """Decimals to show: as many as the published figure has, one without one."""
        return 1 if self.published is None else self.published.decimals

    @property
    def difference(self) -> float | None:
        """Measured mean minus published figure, in points; None where nothing is published."""
        return None if self.published is None else self.mean - self.published


@dataclass(frozen=True)
class Group:
    """Measured columns of one dataset at one profile. ``profile`` is None where the dataset has no record yet.

    ``metrics`` are accuracies, ``costs`` the printed costs that are measured too.
    """

    dataset: str
    profile: Profile | None
    metrics: tuple[str, ...]
    costs: tuple[str, ...] = ()

    @property
    def measured(self) -> tuple[str, ...]:
        """Every metric with a column of its own."""
        return self.metrics + self.costs

    @property
    def title(self) -> str:
        """The dataset's name and the profile, for headings."""
        return f"{dataset_spec(self.dataset).title}, profile {self.profile}"

    @property
    def anchor(self) -> str:
        """The id of its inspector on a page."""
        return f"queries-{dataset_stem(self.dataset)}-{self.profile}"


@dataclass(frozen=True)
class Column:
    """One dataset (or cost column) of the paper's table: ``printed`` metrics, then what was measured on it."""

    id: str
    title: str
    printed: tuple[str, ...]
    groups: tuple[Group, ...]

    def only_printed(self, group: Group) -> tuple[str, ...]:
        """Metrics that the paper prints and that are not measured."""
        return tuple(metric for metric in self.printed if metric not in group.measured)

    @property
    def width(self) -> int:
        """Columns of the page where nothing is measured: the printed figures, and the state of each group."""
        return len(self.printed) + len(self.groups)


@dataclass(frozen=True)
class MeasuredCell:
    """One row on one dataset at one profile. ``done``, ``failed`` and ``damaged`` hold one record per seed."""

    row: Row
    group: Group
    done: tuple[DoneRecord, ...]
    failed: tuple[FailedRecord, ...]
    damaged: tuple[Damaged, ...] = ()

    @property
    def status(self) -> str:
        """``done`` if any seed is done, else ``failed``, ``damaged`` or ``not run``; ``quoted``: from other work."""
        if not self.row.runs:
            return "quoted"
        return "done" if self.done else "failed" if self.failed else "damaged" if self.damaged else "not run"

    @cached_property
    def verdict(self) -> CellVerdict:
        """The verdict over all seeds; only for a done cell."""
        said = [plain_message(reason) for record in self.done for reason in record["verdict"]["reasons"]]
        borrowed = self.row.borrowed.get(self.group.dataset)
        spec = dataset_spec(self.group.dataset)
        mixed = recipe_reasons([record["receipt"] for record in self.done], spec.splits)
        reasons = [*dict.fromkeys([*said, *([borrowed] if borrowed else [])]), *mixed]
        measured = {metric: [percent(record, metric) for record in self.done] for metric in self.group.metrics}
        signs = [degeneracy_sentence(record["degenerate"]) for record in self.done if "degenerate" in record]
        seeds = [record["seed"] for record in self.done]
        return judge_cell(measured, self._published, reasons, spec, seeds, list(dict.fromkeys(signs)))

    @cached_property
    def figures(self) -> dict[str, Measured]:
        """Measured figures by metric, judged over all seeds; empty unless done."""
        return {metric: self._measured(metric) for metric in self.group.metrics} if self.done else {}

    @cached_property
    def costs(self) -> dict[str, MeasuredCost]:
        """Measured costs of the first seed, by metric; empty unless done."""
        return {
            metric: MeasuredCost(metric, measured_cost(self.done[0]["cost"], metric), self._published.get(metric))
            for metric in (self.group.costs if self.done else ())
        }

    @property
    def word(self) -> str:
        """The cell's verdict: the least favourable of the figures that the paper prints, or its status."""
        return self.verdict.word if self.done else self.status

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the cell is degenerate or not comparable with its paper; empty where neither, or where it is not done."""
        return self.verdict.reasons if self.done else ()

    @property
    def _published(self) -> Mapping[str, Figure | None]:
        """Figures that the paper prints for the cell itself."""
        return {} if self.group.dataset in self.row.borrowed else self.row.published.get(self.group.dataset, {})

    def command(self, table: Table) -> str:
        """The command that makes this cell."""
        return cell_command(table.id, self.row.key, self.group.dataset, self.group.profile or "paper")

    def mean_per_split(self, figures: Sequence[float]) -> tuple[float, ...]:
        """Figures of the done records, ready to average: one per seed, or one per split where there are several."""
        seeds = [record["seed"] for record in self.done]
        return tuple(mean_per_split(figures, seeds, dataset_spec(self.group.dataset)))

    def _measured(self, metric: str) -> Measured:
        spec = dataset_spec(self.group.dataset)
        values = self.mean_per_split([percent(record, metric) for record in self.done])
        published = self._published.get(metric)
        bounds = [record["intervals"][metric]["by_identity"] for record in self.done if metric in record["intervals"]]
        reach = (min(low for low, _ in bounds), max(high for _, high in bounds)) if bounds else None
        return Measured(
            metric,
            values,
            f"{len(values)} {'seed' if spec.splits == 1 else 'split'}{'s' * (len(values) > 1)}",
            published,
            reach if len(self.done) == 1 else None,
            reach,
            self.verdict.figures[metric],
        )


def columns(table: Table, recorded: Collection[Cell]) -> list[Column]:
    """The table's columns: the paper's datasets in its order, then datasets that only ``recorded`` cells have."""
    own = [cell for cell in recorded if cell.table == table.id]
    names = list(dict.fromkeys([*table.columns, *sorted(cell.dataset for cell in own)]))
    return [_column(table, name, {cell.profile for cell in own if cell.dataset == name}) for name in names]


def _column(table: Table, name: str, found: Collection[Profile]) -> Column:
    figures = [row.published[name] for row in table.rows if name in row.published]
    metrics = tuple(dict.fromkeys(metric for figure in figures for metric in figure))
    title = name if name in COST_COLUMNS else dataset_spec(name).title
    if table.prints_complexity:
        return Column(name, title, metrics, ())
    profiles: list[Profile | None] = [*sorted(found, key=PROFILE_ORDER.index)] or [None]
    accuracies = tuple(metric for metric in metrics if metric in PERCENT) or accuracy_metrics(table)
    runs = any(row.runs for row in table.rows)
    # A dataset that the paper lacks gets the costs printed for the others.
    costs = tuple(metric for metric in metrics or _printed_beside_datasets(table) if metric in MEANINGS)
    groups = tuple(Group(name, profile, accuracies, costs) for profile in profiles) if runs else ()
    return Column(name, title, metrics, groups)


def _printed_beside_datasets(table: Table) -> tuple[str, ...]:
    """Every metric that the paper prints for any dataset, in its order."""
    figures = [row.published[name] for row in table.rows for name in row.published if name not in COST_COLUMNS]
    return tuple(dict.fromkeys(metric for each in figures for metric in each))


def accuracy_metrics(table: Table) -> tuple[str, ...]:
    """Accuracy metrics in the paper's order, for datasets that the paper lacks."""
    printed = [metric for row in table.rows for figures in row.published.values() for metric in figures]
    return tuple(dict.fromkeys(metric for metric in printed if metric in PERCENT)) or ("rank1", "map")


def measured_cell(
    table: Table, row: Row, group: Group, records: Sequence[Record], damaged: Mapping[Cell, Damaged] | None = None
) -> MeasuredCell:
    """The cell of a row and a group.

    Args:
        table: The table of the row.
        row: The row.
        group: Dataset and profile.
        records: Records of any cells; those of this one are picked, one per seed.
        damaged: Record files that cannot be used, by the cell that each is of.
    """
    address = (table.id, row.key, group.dataset, group.profile)
    own = [
        record
        for record in records
        if (record["table"], record["row"], record["dataset"], record["profile"]) == address
    ]
    own.sort(key=lambda record: record["seed"])
    done = tuple(record for record in own if record["status"] == "done")
    failed = tuple(record for record in own if record["status"] == "failed")
    unusable = [
        each for cell, each in (damaged or {}).items() if (cell.table, cell.row, cell.dataset, cell.profile) == address
    ]
    return MeasuredCell(row, group, done, failed, tuple(unusable))


def best_values(cells: Sequence[MeasuredCell]) -> set[tuple[str, Group, str]]:
    """(row key, group, metric) of the highest measured figure of each column; ties, as shown, are all best.

    A column is compared in the fewest decimals that any of its figures is shown with.
    """
    shown: dict[tuple[Group, str], dict[str, Measured]] = {}
    for entry in cells:
        for metric, figure in entry.figures.items():
            shown.setdefault((entry.group, metric), {})[entry.row.key] = figure
    best = set()
    for (group, metric), figures in shown.items():
        decimals = min(figure.decimals for figure in figures.values())
        values = {key: round(figure.mean, decimals) for key, figure in figures.items()}
        best |= {(key, group, metric) for key, value in values.items() if value == max(values.values())}
    return best
