"""``--dry-run --verbose`` in words and ``--dry-run`` as JSON: a plan with its expected cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from harness.models.weights import luperson_file, luperson_weights
from harness.plan.forecast import Forecast
from harness.plan.plan import PlannedCell, Run
from harness.plan.scaling import SECONDS_PER_HOUR, Scaling
from harness.progress import duration

DEVICE_COUNTS = (1, 4, 8, 32)
"""Numbers of devices that wall time is given for."""


def as_json(forecast: Forecast) -> dict[str, Any]:
    """``{"cells": [...], "runs": [...], "scaling": {...}}``; times are null where they are unknown."""
    plan = forecast.plan
    return {
        "cells": [_cell_json(planned) for planned in plan.cells],
        "runs": [_run_json(run, forecast) for run in plan.runs.values()],
        "scaling": {
            "trainings": len(forecast.trainings),
            "images": sum(training.images for training in forecast.trainings.values()),
            "blocked": _blocked_runs(forecast),
            "of_unknown_size": forecast.of_unknown_size,
            "of_published_size": forecast.of_published_size,
            "hardware": [_scaling_json(scaling) for scaling in forecast.scalings],
            "published": [_published_json(scaling) for scaling in forecast.published],
        },
    }


def _cell_json(planned: PlannedCell) -> dict[str, Any]:
    return {
        "id": planned.cell.id,
        "table": planned.cell.table,
        "row": planned.cell.row,
        "dataset": planned.cell.dataset,
        "profile": planned.cell.profile,
        "seed": planned.cell.seed,
        "settings": {setting.name: setting.value for setting in planned.cell.settings},
        "state": planned.state,
        "reason": planned.reason,
        "run": planned.run.id if planned.run else None,
    }


def _run_json(run: Run, forecast: Forecast) -> dict[str, Any]:
    return {
        "id": run.id,
        "method": run.method.id,
        "dataset": run.dataset,
        "profile": run.profile,
        "seed": run.seed,
        "switches": run.configuration["switches"],
        "state": forecast.state(run),
        "reason": run.blocked or forecast.damage(run),
        "starts_from": run.parent.id if run.parent else None,
        "cells": [planned.cell.id for planned in forecast.plan.cells_of(run)],
        "images": forecast.images_trained(run),
        "expected_seconds": forecast.seconds(run),
    }


def _scaling_json(scaling: Scaling) -> dict[str, Any]:
    slowest, fastest = scaling.hardware.extremes
    return {
        "hardware": scaling.hardware.name,
        "is_gpu": scaling.hardware.is_gpu,
        "trainings_measured": len(scaling.hardware.measured),
        "multiply_adds_per_second": [slowest, fastest],
        "device_hours": scaling.device_hours,
        "device_hours_at_fastest_rate": scaling.device_hours_at(fastest),
        "device_hours_at_slowest_rate": scaling.device_hours_at(slowest),
        "wall_hours": {str(devices): scaling.wall_hours(devices) for devices in DEVICE_COUNTS},
    }


def _published_json(scaling: Scaling) -> dict[str, Any]:
    slowest, fastest = scaling.hardware.extremes
    return {
        "hardware": scaling.hardware.name,
        "source": scaling.hardware.source,
        "multiply_adds_per_second": [slowest, fastest],
        "device_hours_at_fastest_rate": scaling.device_hours_at(fastest),
        "device_hours_at_slowest_rate": scaling.device_hours_at(slowest),
    }


def as_text(forecast: Forecast) -> str:
    """One line per run with the cells that it serves, then the blocked cells without a run, then the sums."""
    lines: list[str] = []
    for run in forecast.plan.runs.values():
        lines += _run_lines(run, forecast)
    for planned in forecast.plan.cells:
        if planned.run is None and planned.state == "blocked":
            lines.append(_cell_line(planned))
    return "\n".join([*lines, *cost_lines(forecast)])


def damage_lines(forecast: Forecast) -> Iterator[str]:
    """The runs that are damaged, with their cells, and the damaged cells of other runs."""
    damaged = [run for run in forecast.plan.runs.values() if forecast.damage(run)]
    for run in damaged:
        yield from _run_lines(run, forecast)
    for planned in forecast.plan.cells:
        if planned.state == "damaged" and planned.run not in damaged:
            yield _cell_line(planned)


def scratch_note(run: Run) -> str | None:
    """Why a run starts from scratch instead of published weights; None where it does not."""
    if run.recipe.initialisation.kind != "luperson" or luperson_file(run.recipe.backbone) is not None:
        return None
    _, reason, _ = luperson_weights(run.recipe.backbone)
    return f"from scratch: no LUPerson weights ({reason})"


def _run_lines(run: Run, forecast: Forecast) -> Iterator[str]:
    seconds, served = forecast.seconds(run), forecast.plan.cells_of(run)
    cost = "time unknown" if seconds is None else f"about {duration(seconds)}"
    yield f"run {run.shown_id}  {forecast.state(run):<8} {run.label}: {len(served)} cells; {cost}"
    if note := scratch_note(run):
        yield f"    starts {note}"
    damage = forecast.damage(run)
    if damage:
        yield f"    {damage}"
    yield from map(_cell_line, served)


def _cell_line(planned: PlannedCell) -> str:
    because = f": {planned.reason}" if planned.state in ("stale", "blocked", "failed", "damaged") else ""
    return f"    {planned.state:<8} {planned.cell.label}{because}"


def summary(forecast: Forecast) -> str:
    """One line: cells by state, distinct runs, and the expected time of those that would be trained now."""
    plan, waiting = forecast.plan, forecast.to_train
    states = Counter(planned.state for planned in plan.cells)
    cells = ", ".join(f"{count} {state}" for state, count in states.items()) or "no cells"
    known = [seconds for run in waiting if (seconds := forecast.seconds(run)) is not None]
    time = f"about {duration(sum(known))} for {len(known)} of them" if known else "no time known yet"
    train = f"{len(waiting)} to train: {time}" if waiting else "none to train"
    return f"{len(plan.cells)} cells ({cells}); {len(plan.runs)} distinct runs, {train}"


def cost_lines(forecast: Forecast) -> Iterator[str]:
    """The summary, then the cost of all trainings that are not done, blocked ones too."""
    yield summary(forecast)
    if not forecast.trainings:
        return
    yield on_paper(forecast)
    if forecast.of_published_size:
        yield f"  training sets that are not here count as published: {', '.join(forecast.of_published_size)}"
    if forecast.of_unknown_size:
        yield f"  left out, because their size is unknown until they are read: {', '.join(forecast.of_unknown_size)}"
    if forecast.scalings:
        yield "  a network without a record on this hardware in this results folder is timed by the first of these:"
    yield from scaling_lines(forecast.scalings)
    yield from published_lines(forecast.published)


def on_paper(forecast: Forecast) -> str:
    """One line: the number and the images of all trainings that are not done, blocked ones too."""
    images = sum(training.images for training in forecast.trainings.values())
    blocked = f"{_blocked_runs(forecast)} blocked until their data is there"
    return (
        f"on paper: {len(forecast.trainings)} trainings ({blocked}), {images / 1e6:,.1f} M images through the networks"
    )


def scaling_lines(scalings: Sequence[Scaling]) -> Iterator[str]:
    """Two lines per kind of device."""
    for scaling in scalings:
        slowest, fastest = scaling.hardware.extremes
        kind = "GPU" if scaling.hardware.is_gpu else "device"
        low, high = scaling.device_hours_at(fastest), scaling.device_hours_at(slowest)
        yield (
            f"  {scaling.hardware.name}: about {scaling.device_hours:,.0f} {kind}-hours ({low:,.0f} to {high:,.0f}), "
            f"from {len(scaling.hardware.measured)} recorded trainings at {slowest / 1e9:,.0f} to "
            f"{fastest / 1e9:,.0f} G multiply-adds/s"
        )
        walls = (f"{duration(scaling.wall_hours(count) * SECONDS_PER_HOUR)} on {count}" for count in DEVICE_COUNTS)
        yield f"    wall time: {', '.join(walls)} such {kind}s, one training per {kind}"
    if not scalings:
        yield "  no throughput is recorded yet; run any table to estimate the time of the others"


def published_lines(scalings: Sequence[Scaling]) -> Iterator[str]:
    """GPU-hours at published rates in one line; no line where there are none."""
    if scalings:
        hours = ", ".join(map(_published_hours, scalings))
        yield (
            f"  from published rates of other code (ResNet-50), not measured here: {hours} GPU-hours; "
            "the longer time is that with a data loader, the shorter that from memory"
        )


def _published_hours(scaling: Scaling) -> str:
    slowest, fastest = scaling.hardware.extremes
    hours = f"{scaling.device_hours_at(slowest):,.0f}"
    if fastest > slowest:
        hours = f"{scaling.device_hours_at(fastest):,.0f} to {hours}"
    return f"{scaling.hardware.name} {hours}"


def _blocked_runs(forecast: Forecast) -> int:
    return sum(forecast.state(run) == "blocked" for run in forecast.plan.runs.values())
