"""The options of the command line, in the new and the old form. No other module sees argparse.

The new form is ``reid-tables VERB``; the old ones are ``python -m harness.run``, ``harness.data`` and
``harness.report``. Both become the same request. An option that is not given keeps the default of
the request.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

from harness import __version__
from harness.commands.request import (
    AnyRequest,
    CheckRequest,
    CheckVerb,
    DataRequest,
    DataVerb,
    Request,
    ScoreRequest,
    ScoreVerb,
    Verb,
    default_data_root,
)
from harness.errors import BadInput
from harness.priors.availability import SPLITS
from harness.priors.providers import PROVIDERS
from harness.recipe import PROFILES

SECONDS_PER_MINUTE = 60
PURPOSE = "Does this paper's table hold? Train, evaluate and report the cells of published tables."
DATA_PURPOSE = "Find, check and fetch datasets, and compute their priors."
REPORT_PURPOSE = "Write the pages from the records in a results folder."
CELL = "mpn_ablation-MPN-synthetic"
OTHER_CELL = "'mpn_ablation-MT Only-synthetic'"

_Options = argparse.ArgumentParser | argparse._ArgumentGroup


def parse(arguments: Sequence[str] | None = None) -> AnyRequest:
    """The request of ``reid-tables VERB ...``. Raises BadInput for options that contradict each other."""
    parser = _Parser(prog="reid-tables", description=PURPOSE, epilog=_example("run --table mpn_ablation"))
    parser.add_argument("--version", action="version", version=f"reid-tables {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB", title="verbs")
    for verb, (purpose, example, add_options) in _VERBS.items():
        described = verbs.add_parser(verb, help=purpose, description=_sentence(purpose), epilog=_example(example))
        described.set_defaults(verb=verb)
        add_options(described)
    example = _example("data check market1501 --data-root data")
    _add_data_verbs(verbs.add_parser("data", help=_phrase(DATA_PURPOSE), description=DATA_PURPOSE, epilog=example))
    given = vars(parser.parse_args(arguments))
    if given.pop("dry_run", False):
        given["verb"] = "dry-run"
    elif given["verb"] == "run":
        for option in ("json", "verbose"):
            if option in given:
                raise BadInput(f"--{option} goes with --dry-run; leave it out to run the tables")
    return _request(given)


def parse_flags(arguments: Sequence[str] | None = None) -> Request:
    """The request of ``python -m harness.run``, where verbs are flags and a verb passes over options it does not read.

    Raises BadInput for two verbs at once and for options that contradict each other.
    """
    example = "example: python -m harness.run --table mpn_ablation --dry-run"
    parser = _Parser(prog="python -m harness.run", description=PURPOSE, epilog=example)
    _add_flags(parser.add_argument_group("what to do (default: run what is pending, then write the report)"))
    _add_run_options(parser)
    given = vars(parser.parse_args(arguments))
    asked = {verb: given.pop(verb) for verb in _FLAGS if verb in given}
    if len(asked) > 1:
        first, second = list(asked)[:2]
        raise BadInput(f"--{first} and --{second} are two commands; give one at a time")
    for verb, addresses in asked.items():
        if len(addresses) > 1:
            raise BadInput(f"--{verb} is given {len(addresses)} times; give it once")
        return _table_request({"verb": verb, "cells": addresses[0], **given})
    return _table_request({"verb": "run", **given})


def parse_data(arguments: Sequence[str] | None = None) -> AnyRequest:
    """The request of ``python -m harness.data VERB ...``."""
    example = "example: python -m harness.data check market1501 --data-root data"
    parser = _Parser(prog="python -m harness.data", description=DATA_PURPOSE, epilog=example)
    _add_data_verbs(parser)
    return _request(vars(parser.parse_args(arguments)))


def parse_report(arguments: Sequence[str] | None = None) -> Request:
    """The request of ``python -m harness.report``."""
    example = "example: python -m harness.report --results results --report reports"
    parser = _Parser(prog="python -m harness.report", description=REPORT_PURPOSE, epilog=example)
    _add_report_options(parser)
    return _table_request({"verb": "report", **vars(parser.parse_args(arguments))})


class _Parser(argparse.ArgumentParser):
    """Leaves out options that are not given. An error is one sentence, with exit code 2."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            argument_default=argparse.SUPPRESS, formatter_class=argparse.RawDescriptionHelpFormatter, **settings
        )

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}; {self.prog} --help shows what it takes\n")


def _request(given: dict[str, Any]) -> AnyRequest:
    for verbs, request in ((DataVerb, DataRequest), (ScoreVerb, ScoreRequest), (CheckVerb, CheckRequest)):
        if given["verb"] in get_args(verbs):
            return request(**_frozen(given))
    return _table_request(given)


def _table_request(given: dict[str, Any]) -> Request:
    """The request with these values by field. Raises BadInput for values that make none."""
    if given["verb"] in ("run", "dry-run") and not given.get("tables"):
        raise BadInput("name a table with --table ID (python -m harness.run --list shows them)")
    if "run_timeout" in given:
        given["run_timeout"] = _seconds(given["run_timeout"])
    return Request(**_frozen(given))


def _frozen(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def _seconds(minutes: float) -> float:
    if not 0 < minutes < math.inf:
        raise BadInput(f"--run-timeout {minutes:g}: give a positive number of minutes, or leave it out")
    return minutes * SECONDS_PER_MINUTE


def _sentence(phrase: str) -> str:
    return f"{phrase[0].upper()}{phrase[1:]}."


def _phrase(sentence: str) -> str:
    return f"{sentence[0].lower()}{sentence[1:].rstrip('.')}"


def _example(arguments: str) -> str:
    return f"example: reid-tables {arguments}"


# Options. Each is defined once, for all verbs and both forms.


def _add_tables(options: _Options, described: str) -> None:
    options.add_argument("--table", dest="tables", action="append", metavar="ID", help=described)


def _add_rows(options: _Options) -> None:
    options.add_argument("--row", dest="rows", action="append", metavar="NAME", help="only this row; repeatable")
    options.add_argument("--dataset", metavar="ID", help="only this dataset (default: those found, else synthetic)")


def _add_training_choice(options: _Options, profile: str, seed: str) -> None:
    options.add_argument("--profile", choices=PROFILES, help=profile)
    options.add_argument("--seed", dest="seeds", action="append", type=int, metavar="N", help=seed)


def _add_settings(options: _Options) -> None:
    described = "change a switch or the recipe: switches.NAME or recipe.NAME; commas try several values; repeatable"
    options.add_argument("--set", dest="settings", action="append", metavar="NAME=VALUE", help=described)
    described = "weights that trunks start from (torch or safetensors)"
    options.add_argument("--initial-weights", type=Path, metavar="FILE", help=described)


def _add_data_root(options: _Options) -> None:
    root = str(default_data_root()).replace("%", "%%")
    options.add_argument("--data-root", type=Path, metavar="DIR", help=f"datasets (default {root})")


def _add_results(options: _Options) -> None:
    options.add_argument("--results", type=Path, metavar="DIR", help="records (default results)")


def _add_pages(options: _Options, images: str) -> None:
    options.add_argument("--report", type=Path, metavar="DIR", help="pages (default reports)")
    options.add_argument("--images", action="store_true", help=images)


def _add_device(options: _Options) -> None:
    options.add_argument("--device", metavar="NAME", help="cpu, cuda or cuda:N (default: cuda where there is one)")


def _add_computation(options: _Options) -> None:
    _add_device(options)
    options.add_argument(
        "--executor", choices=("local", "ray"), help="one run after another (default), or as Ray tasks"
    )
    described = "train each run on N GPUs, or on the CPU where there is none (default 1)"
    options.add_argument("--gpus-per-run", type=int, metavar="N", help=described)
    options.add_argument("--sync-bn", action="store_true", help="BN statistics over all GPUs of a run")
    options.add_argument("--precision", choices=("bfloat16", "float32"), help="default: bfloat16 where it is native")
    options.add_argument("--compile", action="store_true", help="train through torch.compile")


def _add_supervision(options: _Options) -> None:
    options.add_argument("--tensorboard", action="store_true", help="write event files below the results' tensorboard/")
    described = "end a run after this time without a line of progress or a change in its folder"
    options.add_argument("--run-timeout", type=float, metavar="MINUTES", help=described)
    described = "end a run whose losses show that its network has collapsed; else it is only flagged"
    options.add_argument("--stop-degenerate", action="store_true", help=described)


def _add_verbose(options: _Options) -> None:
    options.add_argument("--verbose", action="store_true", help="with --dry-run: list every run and cell")


def _add_json(options: _Options, described: str = "print JSON") -> None:
    options.add_argument("--json", action="store_true", help=described)


# Verbs of the new form.


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    """The options of a run, in groups. The old form takes them with every verb."""
    which = parser.add_argument_group("which cells")
    _add_tables(which, "a table, or all; repeatable")
    _add_rows(which)
    _add_training_choice(which, "how much of the recipe is spent", "repeatable; default 0")
    _add_settings(parser.add_argument_group("settings of your own; their figures are shown as not as printed"))
    where = parser.add_argument_group("where")
    _add_data_root(where)
    _add_results(where)
    _add_pages(where, "let records and pages hold images of real datasets")
    how = parser.add_argument_group("how runs are carried out")
    described = "share the runs among N processes on this machine, a GPU each or an equal part of the cores (default 1)"
    how.add_argument("--workers", type=int, metavar="N", help=described)
    _add_computation(how)
    _add_supervision(how)


def _add_run(parser: argparse.ArgumentParser) -> None:
    described = "show cells, distinct runs and expected cost; run nothing"
    parser.add_argument("--dry-run", action="store_true", help=described)
    _add_json(parser, "with --dry-run: print JSON")
    _add_verbose(parser)
    _add_run_options(parser)


def _add_list_options(parser: argparse.ArgumentParser) -> None:
    _add_tables(parser, "only this table; repeatable")
    _add_json(parser)


def _add_status_options(parser: argparse.ArgumentParser) -> None:
    _add_results(parser)
    _add_json(parser)


def _add_why_options(parser: argparse.ArgumentParser) -> None:
    _add_cells(parser)
    _add_training_choice(parser, "default: as recorded, else by dataset", "repeatable; default 0 and those recorded")
    _add_settings(parser)
    _add_data_root(parser)
    _add_results(parser)
    _add_computation(parser)


def _add_cells(parser: argparse.ArgumentParser, count: int = 1) -> None:
    parser.add_argument("cells", nargs=count, metavar="CELL", help="address of a cell: TABLE-ROW-DATASET")


def _add_record_options(parser: argparse.ArgumentParser, cells: int = 1) -> None:
    _add_cells(parser, cells)
    _add_training_choice(parser, "only records of this profile", "only records of this seed; repeatable")
    _add_settings(parser)
    _add_results(parser)


def _add_compare_options(parser: argparse.ArgumentParser) -> None:
    _add_record_options(parser, cells=2)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    _add_tables(parser, "write this table's page only; repeatable")
    _add_results(parser)
    _add_pages(parser, "show images of real datasets too, where the run kept them")
    described = "write the pages anew as records land, until Ctrl-C; open pages follow by themselves"
    parser.add_argument("--watch", action="store_true", help=described)


def _add_score_options(parser: argparse.ArgumentParser) -> None:
    described = "one npz file with features and labels, or two npy files: query and gallery"
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=described)
    described = "with two npy files: CSV with the columns split, id, camera"
    parser.add_argument("--labels", type=Path, metavar="FILE", help=described)
    parser.add_argument("--protocol", metavar="ID", help="a protocol or a dataset (default market1501)")
    parser.add_argument("--metric", choices=("cosine", "euclidean"), help="distance (default cosine)")
    parser.add_argument("--rerank", action="store_true", help="re-rank by k-reciprocal neighbours (20, 6, 0.3)")
    parser.add_argument("--ladder", action="store_true", help="score by every switch of the protocol, too")
    described = "a paper's figure in percent: show which switches come nearest; repeatable"
    parser.add_argument("--published", action="append", metavar="METRIC=PERCENT", help=described)
    _add_json(parser)


def _add_check_method(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("method", metavar="METHOD", help="id of a method, also of an installed package")


_VERBS: dict[Verb | ScoreVerb | CheckVerb, tuple[str, str, Callable[[argparse.ArgumentParser], None]]] = {
    "run": ("run what is pending, then write the report", "run --table mpn_ablation --dry-run", _add_run),
    "list": ("list the tables", "list --table mpn_ablation --json", _add_list_options),
    "status": ("count the cells done, running, failed and pending", "status --results results", _add_status_options),
    "why": ("say what made a cell stale", f"why {CELL}", _add_why_options),
    "explain": (
        "show which protocol switches close the gap to the published figure",
        f"explain {CELL}",
        _add_record_options,
    ),
    "verify": ("score a record again from what is stored", f"verify {CELL}", _add_record_options),
    "compare": (
        "show the difference of two cells, with interval and p-value",
        f"compare {CELL} {OTHER_CELL}",
        _add_compare_options,
    ),
    "roc": ("show true positive rates at false positive rates, over all pairs", f"roc {CELL}", _add_record_options),
    "report": (_phrase(REPORT_PURPOSE), "report --results results --report reports", _add_report_options),
    "score": ("score features of your own", "score features.npz --protocol market1501", _add_score_options),
    "check": ("check that a method keeps the contract of all methods", "check mpn", _add_check_method),
}
"""Each verb with its purpose, an example, and the function that adds its options."""

_FLAGS: tuple[Verb, ...] = ("list", "dry-run", "status", "why", "explain", "verify", "compare", "roc")
"""Verbs that are flags in the old form, in the order of its help."""


def _add_flags(group: _Options) -> None:
    """Add the verbs as flags. The value of a flag is the list of its uses; each use is a list of addresses."""
    cells: dict[Verb, int] = {"why": 1, "explain": 1, "verify": 1, "compare": 2, "roc": 1}
    purposes = {verb: purpose for verb, (purpose, _, _) in _VERBS.items()}
    purposes["dry-run"] = "show cells, distinct runs and expected cost; run nothing"
    for verb in _FLAGS:
        if verb in cells:
            group.add_argument(
                f"--{verb}", dest=verb, action="append", nargs=cells[verb], metavar="CELL", help=purposes[verb]
            )
        else:
            group.add_argument(f"--{verb}", dest=verb, action="store_const", const=[[]], help=purposes[verb])
    _add_json(group, "with --list, --dry-run or --status: print JSON")
    _add_verbose(group)


# Verbs on datasets, alike in both forms.


def _add_check_options(parser: argparse.ArgumentParser) -> None:
    described = "datasets (default: those under the data root)"
    parser.add_argument("datasets", nargs="*", metavar="ID", help=described)
    _add_json(parser)


def _add_fetch_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("datasets", nargs=1, metavar="ID")


def _add_priors_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("datasets", nargs=1, metavar="ID")
    described = "; ".join(f"{name}: {what}" for name, what in PROVIDERS.items())
    parser.add_argument("--provider", required=True, choices=PROVIDERS, help=described)
    described = "repeatable; default train"
    parser.add_argument("--split", dest="splits", action="append", choices=SPLITS, help=described)
    described = "picks one of several numbered splits, as in a run (default 0)"
    parser.add_argument("--seed", type=int, metavar="N", help=described)
    parser.add_argument("--overwrite", action="store_true", help="replace arrays of the same kind that are kept")
    parser.add_argument("--keypoints", type=Path, metavar="FILE", help="files: COCO-format keypoint JSON")
    described = "files: one PNG per image, person masks or part maps"
    parser.add_argument("--masks", type=Path, metavar="DIR", help=described)
    parser.add_argument("--labels", type=Path, metavar="FILE", help="files: label map of the part maps, YAML or JSON")
    _add_device(parser)


_DATA_VERBS: dict[DataVerb, tuple[str, str, Callable[[argparse.ArgumentParser], None]]] = {
    "data list": (
        "list every dataset, whether it is there, and how to get it",
        "data list --data-root data",
        _add_json,
    ),
    "data check": (
        "count, compare with the published counts, decode all images",
        "data check market1501 --data-root data",
        _add_check_options,
    ),
    "data fetch": (
        "download, verify and extract a public dataset",
        "data fetch cuhk03_detected --data-root data",
        _add_fetch_options,
    ),
    "data priors": (
        "compute keypoints and masks, once",
        "data priors market1501 --provider keypoint_rcnn",
        _add_priors_options,
    ),
}


def _add_data_verbs(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(required=True, metavar="list | check | fetch | priors")
    for verb, (purpose, example, add_options) in _DATA_VERBS.items():
        name = verb.removeprefix("data ")
        described = verbs.add_parser(name, help=purpose, description=_sentence(purpose), epilog=_example(example))
        described.set_defaults(verb=verb)
        add_options(described)
        _add_data_root(described)
