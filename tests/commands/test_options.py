"""``reid-tables VERB`` and the flags of ``python -m harness.run``: one request each, and what they refuse."""

import importlib
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import get_args

import pytest

from harness import __version__, data, report, run
from harness.commands.main import MODULES, main
from harness.commands.options import parse, parse_data, parse_flags, parse_report
from harness.commands.request import AnyVerb, DataRequest, Request

ROOT = Path(__file__).parents[2]
CELL, OTHER = "mpn_ablation-MPN-synthetic", "mpn_ablation-MT Only-synthetic"
TABLE = ("--table", "mpn_ablation")
RUN = (
    *(*TABLE, "--table", "rmgl_ablation", "--row", "MPN", "--row", "MT Only", "--dataset", "market1501"),
    *("--profile", "budget", "--seed", "0", "--seed", "2", "--data-root", "d", "--results", "r", "--report", "p"),
    *("--device", "cuda", "--images", "--executor", "ray", "--gpus-per-run", "2", "--sync-bn"),
    *("--precision", "bfloat16", "--compile", "--tensorboard", "--run-timeout", "1.5"),
)
WHERE = ("--profile", "demo", "--seed", "1", "--results", "r")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (TABLE, ("run", *TABLE)),
        (RUN, ("run", *RUN)),
        ((*RUN, "--dry-run"), ("run", "--dry-run", *RUN)),
        (("--dry-run", "--json", *TABLE), ("run", *TABLE, "--dry-run", "--json")),
        (("--list",), ("list",)),
        (("--list", *TABLE, "--json"), ("list", *TABLE, "--json")),
        (("--status", "--results", "r", "--json"), ("status", "--results", "r", "--json")),
        (("--why", CELL, *WHERE, "--device", "cpu"), ("why", CELL, *WHERE, "--device", "cpu")),
        (("--explain", CELL, *WHERE), ("explain", CELL, *WHERE)),
        (("--verify", CELL), ("verify", CELL)),
        (("--compare", CELL, OTHER, *WHERE), ("compare", CELL, OTHER, *WHERE)),
        (("--roc", CELL), ("roc", CELL)),
    ],
    ids=lambda arguments: " ".join(arguments)[:60],
)
def test_the_old_form_and_the_new_make_the_same_request(old, new):
    assert parse_flags(old) == parse(new)


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--json"),
        ("check",),
        ("check", "market1501", "msmt17", "--data-root", "d"),
        ("fetch", "market1501"),
        ("priors", "market1501", "--provider", "files", "--split", "query", "--masks", "m", "--seed", "2"),
    ],
    ids=" ".join,
)
def test_verbs_on_datasets_make_the_same_request_in_both_forms(arguments):
    assert parse_data(arguments) == parse(("data", *arguments))


@pytest.mark.parametrize("arguments", [(), ("--results", "r", "--report", "p", "--images", *TABLE)], ids=" ".join)
def test_a_report_is_the_same_request_in_both_forms(arguments):
    assert parse_report(arguments) == parse(("report", *arguments))


def test_every_option_of_a_run_has_its_field():
    assert parse(("run", *RUN)) == Request(
        verb="run",
        tables=("mpn_ablation", "rmgl_ablation"),
        rows=("MPN", "MT Only"),
        dataset="market1501",
        profile="budget",
        seeds=(0, 2),
        data_root=Path("d"),
        results=Path("r"),
        report=Path("p"),
        device="cuda",
        images=True,
        executor="ray",
        gpus_per_run=2,
        sync_bn=True,
        precision="bfloat16",
        compile=True,
        tensorboard=True,
        run_timeout=90.0,
    )


def test_every_option_of_priors_has_its_field():
    given = ("--split", "query", "--overwrite", "--keypoints", "k", "--masks", "m", "--labels", "l", "--device", "cpu")
    assert parse(("data", "priors", "market1501", "--provider", "files", "--seed", "3", *given)) == DataRequest(
        verb="data priors",
        datasets=("market1501",),
        provider="files",
        splits=("query",),
        seed=3,
        overwrite=True,
        keypoints=Path("k"),
        masks=Path("m"),
        labels=Path("l"),
        device="cpu",
    )


def test_the_data_root_is_the_one_of_the_environment_unless_it_is_given(monkeypatch):
    monkeypatch.setenv("HARNESS_DATA_ROOT", "/mnt/100 %")
    assert parse(("run", *TABLE)).data_root == parse_data(("list",)).data_root == Path("/mnt/100 %")
    assert parse(("run", *TABLE, "--data-root", "data")).data_root == Path("data")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--why", CELL, "--verify", CELL), "--why and --verify are two commands; give one at a time"),
        (("--list", "--status"), "--list and --status are two commands; give one at a time"),
        ((*TABLE, "--dry-run", "--list"), "--list and --dry-run are two commands; give one at a time"),
        (("--verify", CELL, "--verify", OTHER), "--verify is given 2 times; give it once"),
        (("--json", "--dry-run"), "name a table with --table ID (python -m harness.run --list shows them)"),
        ((*TABLE, "--run-timeout", "-1"), "--run-timeout -1: give a positive number of minutes, or leave it out"),
    ],
)
def test_flags_that_contradict_each_other_get_one_sentence_and_exit_code_2(capsys, arguments, said):
    assert run.main(arguments) == 2
    assert capsys.readouterr().err == f"error: {said}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run",), "name a table with --table ID"),
        (("run", *TABLE, "--verbose"), "--verbose goes with --dry-run; leave it out to run the tables"),
        (("run", *TABLE, "--json"), "--json goes with --dry-run; leave it out to run the tables"),
        (("run", *TABLE, "--run-timeout", "inf"), "--run-timeout inf: give a positive number of minutes"),
        (("list", "--table", "mpn_ablatoin"), "unknown table 'mpn_ablatoin'; the nearest known: 'mpn_ablation'"),
    ],
)
def test_bad_input_of_the_new_form_gets_one_sentence_and_exit_code_2(capsys, arguments, said):
    assert main(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {said}") and printed.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        (main, (), "the following arguments are required: VERB; reid-tables --help shows"),
        (main, ("train",), "invalid choice: 'train'"),
        (main, ("list", "--dry-run"), "unrecognized arguments: --dry-run; reid-tables --help shows"),
        (main, ("status", "--device", "cpu"), "unrecognized arguments: --device cpu"),
        (main, ("verify", CELL, "--data-root", "d"), "unrecognized arguments: --data-root d"),
        (main, ("why",), "the following arguments are required: CELL; reid-tables why --help shows"),
        (main, ("compare", CELL), "the following arguments are required: CELL"),
        (main, ("run", *TABLE, "--seed", "x"), "argument --seed: invalid int value: 'x'; reid-tables run --help shows"),
        (main, ("data", "fetch", "market1501", "--json"), "unrecognized arguments: --json"),
        (run.main, (*TABLE, "--profile", "long"), "argument --profile: invalid choice: 'long'"),
        (data.main, ("look",), "invalid choice: 'look'"),
        (report.main, ("--json",), "unrecognized arguments: --json; python -m harness.report --help shows"),
    ],
)
def test_options_that_a_verb_does_not_take_get_one_sentence_and_exit_code_2(capsys, command, arguments, said):
    with pytest.raises(SystemExit) as ended:
        command(arguments)
    assert ended.value.code == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: ") and said in printed and printed.count("\n") == 1


def test_the_console_script_is_the_command():
    with (ROOT / "pyproject.toml").open("rb") as file:
        scripts = tomllib.load(file)["project"]["scripts"]
    entry = EntryPoint("reid-tables", scripts["reid-tables"], "console_scripts")
    assert entry.load() is main


def test_the_module_of_every_verb_can_be_imported_and_executes_a_request():
    assert set(MODULES) == {verb for verbs in get_args(AnyVerb) for verb in get_args(verbs)}
    for module in MODULES.values():
        assert callable(importlib.import_module(module).execute)


@pytest.mark.parametrize(
    "arguments",
    [(), *[tuple(verb.split()) for verb in MODULES if verb != "dry-run"], ("data",)],
    ids=lambda arguments: " ".join(arguments) or "without a verb",
)
def test_help_ends_with_an_example_that_can_be_parsed(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main((*arguments, "--help"))
    assert ended.value.code == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("example: reid-tables ")
    assert parse(shlex.split(last)[2:])


def test_the_version_is_the_package_s(capsys):
    with pytest.raises(SystemExit) as ended:
        main(("--version",))
    assert (ended.value.code, capsys.readouterr().out) == (0, f"reid-tables {__version__}\n")


@pytest.mark.parametrize("module", ["harness.run", "harness.report", "harness.data"])
def test_python_m_does_what_the_verb_does(module):
    done = subprocess.run(
        [sys.executable, "-m", module, "--help"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.startswith(f"usage: python -m {module} ")


def test_list_imports_no_torch_and_none_of_the_rooms_that_need_it():
    script = (
        "import sys; from harness.commands.main import main; code = main(['list']);"
        "needless = {'torch', 'numpy', 'pandas', 'rich', 'harness.execution', 'harness.runs'};"
        "print(code, sorted(needless & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"


def test_only_run_imports_execution_and_only_options_sees_argparse():
    sources = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "harness" / "commands").glob("*.py")}
    # --workers is part of the verb run.
    assert {name for name, text in sources.items() if "harness.execution" in text} == {"run.py", "workers.py"}
    assert [name for name, text in sources.items() if "argparse" in text or "Namespace" in text] == ["options.py"]
