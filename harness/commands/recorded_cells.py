"""The records of the cell that a request names."""

from __future__ import annotations

from harness.commands.request import Request
from harness.errors import BadInput, unknown_name_error
from harness.results.record import Record
from harness.results.store import Store


def records_of(address: str, store: Store, request: Request) -> list[Record]:
    """Records of a cell, at the request's profile and seeds.

    Raises BadInput where there is none: it names a damaged record of the cell's table, else the nearest cells.
    """
    every = store.find_records()
    records = every.records
    if address not in {record["cell"] for record in records}:
        for damaged in every.damaged:
            if address.startswith(f"{damaged.table}-"):
                raise BadInput(damaged.sentence)
        raise unknown_name_error("recorded cell", address, dict.fromkeys(record["cell"] for record in records))
    found = [
        record
        for record in records
        if record["cell"] == address
        and request.profile in (None, record["profile"])
        and (not request.seeds or record["seed"] in request.seeds)
    ]
    if not found:
        raise BadInput(
            f"{address} has no record at that --profile and --seed; leave them out to use all of its records"
        )
    return found
