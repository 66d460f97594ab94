"""The verb ``import``: take over the records of another's results folder, to be shown apart."""

from __future__ import annotations

from harness.commands.request import ImportRequest
from harness.reporting.known_records import known_records
from harness.results.imported import FOLDER, import_records
from harness.results.record import record_label
from harness.results.store import Store, existing
from harness.tables import tables


def execute(request: ImportRequest) -> int:
    """Copy the records, and say how each is verified. Returns 0."""
    source, target = existing(request.folder, "import"), Store(request.results)
    name = request.name or request.folder.resolve().name
    target.require_writable()
    records = import_records(source, target, name)
    folder = request.results / FOLDER / name
    for record in records:
        print(f"imported, not run here: {record_label(record)}")
    _, left_out = known_records(records, tables())
    for each in left_out:
        print(each.sentence)
    print(f"pages show them apart; to score one again: reid-tables verify '{records[0]['cell']}' --results '{folder}'")
    return 0
