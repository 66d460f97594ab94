"""Find, check and fetch datasets, and compute their priors: ``python -m harness.data check market1501``.

The same as ``reid-tables data``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from harness.commands.main import perform
from harness.commands.options import parse_data


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 0: as it should be; 1: a check found something; 2: bad input, said in one sentence."""
    return perform(lambda: parse_data(arguments))


if __name__ == "__main__":
    sys.exit(main())
