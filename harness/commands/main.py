"""The command ``reid-tables VERB``: ``reid-tables run --table mpn_ablation``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from harness.commands.exit_code import exit_code_of
from harness.commands.options import parse
from harness.commands.request import AnyRequest, AnyVerb
from harness.machine.threads import let_idle_threads_sleep

MODULES: dict[AnyVerb, str] = {
    "run": "harness.commands.run",
    "dry-run": "harness.commands.dry_run",
    "list": "harness.commands.list",
    "status": "harness.commands.status",
    "why": "harness.commands.why",
    "explain": "harness.commands.explain",
    "verify": "harness.commands.verify",
    "compare": "harness.commands.compare",
    "roc": "harness.commands.roc",
    "report": "harness.commands.report",
    "score": "harness.commands.score",
    "check": "harness.commands.check",
    "data list": "harness.commands.data_list",
    "data check": "harness.commands.data_check",
    "data fetch": "harness.commands.data_fetch",
    "data priors": "harness.commands.data_priors",
}
"""The module of each verb, imported only for that verb. Its ``execute(request)`` returns the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 0: all is well; 1: a cell or a check failed; 2: bad input, told in one sentence."""
    return perform(lambda: parse(arguments))


def perform(read: Callable[[], AnyRequest]) -> int:
    """Read a request and execute it. Returns the exit code."""

    def command() -> int:
        request = read()
        let_idle_threads_sleep()
        resumed = "; the same command goes on from the last checkpoint" if request.verb == "run" else ""
        execute = import_module(MODULES[request.verb]).execute
        return exit_code_of(lambda: int(execute(request)), f"stopped{resumed}")

    return exit_code_of(command, "stopped")


if __name__ == "__main__":
    sys.exit(main())
