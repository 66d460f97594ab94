"""The records of the cell that a request names."""

from __future__ import annotations

from harness import registry
from harness.cell import Settings, settings_label
from harness.commands.request import Request
from harness.errors import BadInput, unknown_name_error
from harness.plan.planner import weights_setting
from harness.plan.selection import parse_cell
from harness.plan.settings import canonical, combinations
from harness.results.record import Record, cell_of
from harness.results.store import Store


def records_of(address: str, store: Store, request: Request) -> list[Record]:
    """Records of a cell, at the request's profile, seeds and settings; without settings, those as printed.

    Raises BadInput where there is none: it names a damaged record of the cell's table, else the nearest cells.
    """
    every = store.find_records()
    records = every.records
    if address not in {record["cell"] for record in records}:
        for damaged in every.damaged:
            if address.startswith(f"{damaged.table}-"):
                raise BadInput(damaged.sentence)
        raise unknown_name_error("recorded cell", address, dict.fromkeys(record["cell"] for record in records))
    wanted = _settings_of(address, request)
    own = [record for record in records if record["cell"] == address]
    found = [
        record
        for record in own
        if cell_of(record).settings in wanted
        and request.profile in (None, record["profile"])
        and (not request.seeds or record["seed"] in request.seeds)
    ]
    if not found:
        others = dict.fromkeys(settings_label(cell_of(record).settings) or "as printed" for record in own)
        raise BadInput(
            f"{address} has no record at that --profile, --seed and --set; recorded are: {'; '.join(others)}"
        )
    return found


def _settings_of(address: str, request: Request) -> list[Settings]:
    """Every combination of the request's settings, as records have them; one without settings if none are given."""
    weights = weights_setting(request.initial_weights)
    every = combinations(request.settings)
    if not any(every):
        return [weights]
    _, row, _ = parse_cell(address)
    method = registry.method(row.method)
    return [tuple(canonical(method, setting) for setting in settings) + weights for settings in every]
