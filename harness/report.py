"""``python -m harness.report``: pages from the records in a results folder."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.commands.exit_code import exit_code_of
from harness.reporting import write_report
from harness.reporting.known_records import known_records
from harness.results.store import existing
from harness.tables import table, tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages and name them. Returns 0, or 2 for bad input."""
    options = _parser().parse_args(arguments)
    return exit_code_of(lambda: _write(options), "stopped")


def _write(options: argparse.Namespace) -> int:
    for table_id in options.table:
        table(table_id)
    found = existing(options.results).find_records()
    records, left_out = known_records(found.records, tables())
    for sentence in [*left_out, *(f"damaged: {each.sentence}" for each in found.damaged)]:
        print(sentence)
    pages = write_report(
        records, tables(), options.results, options.report, options.images, options.table, found.damaged
    )
    damaged = f", {len(found.damaged)} damaged" if found.damaged else ""
    print(f"{len(records)} records{damaged}, {len(pages)} pages; open {pages[0] if options.table else pages[-1]}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m harness.report", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="folder with the records (%(default)s)")
    parser.add_argument("--report", type=Path, default=Path("reports"), help="folder for the pages (%(default)s)")
    parser.add_argument("--table", action="append", default=[], help="write this table's page only (repeatable)")
    parser.add_argument(
        "--images", action="store_true", help="show images of real datasets too, where the run kept them"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
