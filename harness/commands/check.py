"""The verb ``check``: does a method keep the contract of all methods?"""

from __future__ import annotations

from harness.commands.request import CheckRequest
from harness.runs.contract.outcome import outcomes
from harness.tables import tables


def execute(request: CheckRequest) -> int:
    """Print each check as it is made, with its faults. Returns 1 if a check failed, else 0."""
    failed = made = 0
    for outcome in outcomes(request.method):
        mark = "–" if outcome.skipped else "✗" if outcome.faults else "✓"
        print(f"{mark} {outcome.name}{' (not checked: fix the above first)' if outcome.skipped else ''}", flush=True)
        for fault in outcome.faults:
            print(f"    {fault}", flush=True)
        made += not outcome.skipped
        failed += bool(outcome.faults)
    print(f"{request.method}: {f'{failed} of {made} checks failed' if failed else f'{made} checks passed'}")
    if failed:
        return 1
    own = [table.id for table in tables().values() if table.method == request.method]
    if own:
        print(f"run it: reid-tables run --table {own[0]}")
    return 0
