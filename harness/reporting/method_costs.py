"""The cost of a method beside the baselines: measured on the same data at the same profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.machine.hardware import device_name
from harness.reporting.cells import PROFILE_ORDER, Group, MeasuredCell
from harness.reporting.full_method import is_full
from harness.reporting.layout import Layout
from harness.reporting.wording import count, fixed, millions
from harness.tables import Table

HEADINGS = ("mAP, %", "Parameters", "Multiply-adds", "ms per image", "Training, images/s", "Peak memory")


@dataclass(frozen=True)
class CostLine:
    """One network: its method and row, and its numbers in the order of ``HEADINGS``."""

    method: str
    row: str
    page: str
    own: bool
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class CostComparison:
    """The networks that were measured on one dataset at one profile, the smallest first."""

    title: str
    lines: tuple[CostLine, ...]
    devices: tuple[str, ...]


def cost_comparisons(method: str, layouts: Iterable[Layout], baselines: Iterable[str]) -> list[CostComparison]:
    """One comparison per dataset and profile on which the method was measured with a baseline.

    Without any baseline: the method alone, once.
    Each method stands there with its full network; with the first row that was measured, where that was not.

    Args:
        method: The method.
        layouts: Every table.
        baselines: The methods to compare with.
    """
    compared = {method, *baselines}
    found: dict[Group, dict[str, tuple[Table, MeasuredCell]]] = {}
    for layout in layouts:
        for shown in layout.shown_cells:
            cell = shown.cell
            if cell.done and cell.row.method in compared:
                place = Group(cell.group.dataset, cell.group.profile, ())
                chosen = found.setdefault(place, {})
                if cell.row.method not in chosen or (is_full(cell.row) and not is_full(chosen[cell.row.method][1].row)):
                    chosen[cell.row.method] = (layout.table, cell)
    own = {group: cells for group, cells in found.items() if method in cells}
    ordered = sorted(own, key=lambda group: PROFILE_ORDER.index(group.profile) if group.profile else 0)
    with_baseline = [group for group in ordered if len(own[group]) > 1]
    return [_comparison(method, group, own[group]) for group in with_baseline or ordered[:1]]


def _comparison(method: str, group: Group, cells: Mapping[str, tuple[Table, MeasuredCell]]) -> CostComparison:
    ordered = sorted(cells.items(), key=lambda item: item[1][1].done[0]["cost"]["macs"]["macs"])
    lines = tuple(
        CostLine(name, cell.row.key, f"{table.id}.html", name == method, _numbers(cell))
        for name, (table, cell) in ordered
    )
    devices = [device_name(cell.done[0]["receipt"]["hardware"]) for _, (_, cell) in ordered]
    return CostComparison(group.title, lines, tuple(dict.fromkeys(devices)))


def _numbers(cell: MeasuredCell) -> tuple[str, ...]:
    cost = cell.done[0]["cost"]
    return (
        fixed(cell.figures["map"].mean if "map" in cell.figures else cell.done[0]["metrics"].get("map")),
        millions(cost["parameters"]["inference"]),
        f"{fixed(cost['macs']['macs'] / 1e9, 3)} G",
        f"{cost['latency']['features_batch1']['median_ms']:.3g}",
        count(cost["training_images_per_second"]),
        f"{count(cost['peak_memory_mb'])} MB",
    )
