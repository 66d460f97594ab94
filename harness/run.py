"""Train and evaluate the cells of published tables: ``python -m harness.run --table mpn_ablation``.

The same as ``reid-tables run``, and with ``--list``, ``--status``, ``--why CELL`` and others as the verb of that name.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from harness.commands.main import perform
from harness.commands.options import parse_flags


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 0: all done; 1: some cell failed or is blocked; 2: bad input, said in one sentence."""
    return perform(lambda: parse_flags(arguments))


if __name__ == "__main__":
    sys.exit(main())
