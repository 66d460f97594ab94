"""Pages from the records in a results folder: ``python -m harness.report``. The same as ``reid-tables report``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from harness.commands.main import perform
from harness.commands.options import parse_report


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pages and name them. Returns 0, or 2 for bad input."""
    return perform(lambda: parse_report(arguments))


if __name__ == "__main__":
    sys.exit(main())
