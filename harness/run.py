"""Train and evaluate the cells of published tables: ``python -m harness.run --table mpn_ablation``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from harness import commands
from harness.commands.exit_code import exit_code_of
from harness.errors import BadInput
from harness.recipe import PROFILES


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 0: all done; 1: some cell failed or is blocked; 2: bad input, said in one sentence."""
    options = _parser().parse_args(arguments)
    stopped = "stopped; the same command goes on from the last checkpoint"
    return exit_code_of(lambda: _chosen(options)(options), stopped)


def _chosen(options: argparse.Namespace) -> Callable[[argparse.Namespace], int]:
    """What was asked for; running tables when nothing else was."""
    asked = {
        commands.list_tables: options.list,
        commands.status: options.status,
        commands.verify: options.verify,
        commands.why: options.why,
        commands.explain: options.explain,
        commands.compare: options.compare,
        commands.roc: options.roc,
    }
    for command, wanted in asked.items():
        if wanted:
            return command
    if not options.table:
        raise BadInput("name a table with --table ID (python -m harness.run --list shows them)")
    return commands.dry_run if options.dry_run else commands.run_tables


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m harness.run", description=__doc__)
    do = parser.add_argument_group("what to do (default: run what is pending, then write the report)")
    do.add_argument("--list", action="store_true", help="list the tables")
    do.add_argument("--dry-run", action="store_true", help="show cells, distinct runs and expected cost; run nothing")
    do.add_argument("--status", action="store_true", help="what the results folder holds")
    do.add_argument("--why", metavar="CELL", help="say what made a cell stale, such as mpn_ablation-MPN-synthetic")
    do.add_argument("--explain", metavar="CELL", help="which protocol switches close the gap to the published figure")
    do.add_argument("--verify", metavar="CELL", help="score a record again from what is stored")
    do.add_argument("--compare", nargs=2, metavar="CELL", help="the difference of two cells, with interval and p-value")
    do.add_argument("--roc", metavar="CELL", help="true positive rates at false positive rates, over all pairs")
    do.add_argument("--json", action="store_true", help="with --list, --dry-run or --status: print JSON")
    which = parser.add_argument_group("which cells")
    which.add_argument("--table", action="append", default=[], metavar="ID", help="a table, or all; repeatable")
    which.add_argument("--row", action="append", default=[], metavar="NAME", help="only this row; repeatable")
    which.add_argument("--dataset", metavar="ID", help="only this dataset (default: those found, else synthetic)")
    which.add_argument("--profile", choices=PROFILES, help="how much of the recipe is spent")
    which.add_argument("--seed", action="append", default=[], type=int, metavar="N", help="repeatable; default 0")
    where = parser.add_argument_group("where")
    root = os.environ.get("HARNESS_DATA_ROOT", "data")
    where.add_argument("--data-root", type=Path, default=Path(root), metavar="DIR", help=f"datasets (default {root})")
    where.add_argument("--results", type=Path, default=Path("results"), metavar="DIR", help="records (default results)")
    where.add_argument("--report", type=Path, default=Path("reports"), metavar="DIR", help="pages (default reports)")
    where.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")
    where.add_argument("--images", action="store_true", help="let records and report hold images of real datasets")
    how = parser.add_argument_group("how runs are carried out")
    how.add_argument("--executor", choices=("local", "ray"), default="local", help="one after another, or as Ray tasks")
    how.add_argument("--gpus-per-run", type=int, default=1, metavar="N", help="train each run on N GPUs (without: CPU)")
    how.add_argument("--sync-bn", action="store_true", help="BN statistics over all GPUs of a run")
    how.add_argument("--precision", choices=("bfloat16", "float32"), help="default: bfloat16 where it is native")
    how.add_argument("--compile", action="store_true", help="train through torch.compile")
    how.add_argument("--tensorboard", action="store_true", help="write event files below the results' tensorboard/")
    ended = "end a run after so long without a sign of life: a line of progress, a change in its folder"
    how.add_argument("--run-timeout", type=float, metavar="MINUTES", help=ended)
    return parser


if __name__ == "__main__":
    sys.exit(main())
