"""One of the workers that ``run --workers N`` starts: ``python -m harness.commands.one_worker``.

Its request, pickled by the process that starts it, comes through standard input.
"""

from __future__ import annotations

import pickle
import sys

from harness.commands.main import perform

if __name__ == "__main__":
    sys.exit(perform(lambda: pickle.load(sys.stdin.buffer)))
