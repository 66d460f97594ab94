"""Tables of complexity: what is measured, in which ratios it is shown, and that nothing is trained for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from harness import registry
from harness.errors import BadInput
from harness.execution import complexity as execution
from harness.execution.training import Workplace
from harness.measure import complexity as measuring
from harness.measure.complexity import Subject, measured_complexity
from harness.reporting import write_report
from harness.reporting.complexity import as_text, complexity_table
from harness.selection import choose
from harness.shelf import Shelf
from harness.store import Store
from harness.tables import load, tables
from harness.training.machine import Machine

CPU = Machine(torch.device("cpu"), bfloat16=False)
TABLE = tables()["mpn_complexity"]


def small(method_id, **switches):
    """The method by its demo recipe, which a test can wait for."""
    method = registry.method(method_id)
    demo = replace(method, recipe=lambda chosen, dataset, profile: method.recipe(chosen, dataset, "demo"))
    return Subject(demo, method.parse(switches, "here"))


def record(**milliseconds):
    """A kept measurement: the same parameters for all, training times given, testing half of them."""
    rows = {
        name: {
            "training": {"params_m": 26.658368, "time_ms": taken},
            "testing": {"params_m": 26.658368, "time_ms": taken / 2},
        }
        for name, taken in milliseconds.items()
    }
    hardware = {"gpu": None, "cpu": "<a processor>", "threads": 2}
    return {"rows": rows, "batch": 8, "size": [384, 128], "precision": "bfloat16", "hardware": hardware}


MEASURED = record(**{"PCB [19]": 500.0, "MGN [7]": 1000.0, "Pyramid [30]": 550.0, "MPN°": 625.0})


def test_methods_take_turns_and_none_is_left_out(monkeypatch):
    subjects = [small("pcb", pooling="uniform", descriptor="h"), small("mpn")]
    turns = []
    for name in ("train", "embed"):
        run = getattr(measuring._Prepared, name)
        monkeypatch.setattr(
            measuring._Prepared, name, lambda self, name=name, run=run: (turns.append((name, id(self))), run(self))
        )
    costs = measured_complexity(subjects, 4, CPU, budget_s=0)
    pair = list(dict.fromkeys(who for _, who in turns))
    assert turns == [(name, who) for name in ("train", "embed") for _ in range(1 + 3) for who in pair]
    assert len(pair) == 2
    for cost in costs:
        assert cost["training"]["time_ms"] > cost["testing"]["time_ms"] > 0
    # With shared parameters inference needs all that training has but the classifiers.
    assert costs[1]["training"]["params_m"] == costs[1]["testing"]["params_m"]


def test_each_row_is_measured_as_the_method_it_names():
    wanted = {row.key: row.method for row in TABLE.rows if row.runs}
    assert wanted == {"PCB [19]": "pcb", "MGN [7]": "mgn", "Pyramid [30]": "pyramid", "MPN°": "mpn"}


def test_times_are_shown_as_ratios_to_pcb_beside_the_papers_own():
    shown = complexity_table(TABLE, MEASURED)
    costs = {name: dict(zip(shown.columns, row, strict=True)) for name, row in shown.rows}
    assert shown.reference == "PCB [19]"
    assert (costs["PCB [19]"]["training"].published_ratio, costs["PCB [19]"]["training"].ratio) == ("1.00", "1.00")
    # 10.9 / 8.3 and 5.1 / 4.9 are printed.
    assert (costs["MPN°"]["training"].published_ratio, costs["MPN°"]["training"].ratio) == ("1.31", "1.25")
    assert costs["MPN°"]["testing"].published_ratio == "1.04"
    assert costs["PCB [19]"]["testing"].published_parameters == "26.8"
    assert (costs["PCB [19]"]["testing"].parameters, costs["PCB [19]"]["testing"].time) == ("26.66", "250.0")
    quoted = costs["DSA-reID [10]"]["training"]
    assert (quoted.published_parameters, quoted.parameters, quoted.time, quoted.ratio) == ("187.8", "–", "–", "–")
    assert "MGN [7]" in as_text(shown) and "batches of 8" in as_text(shown)


def test_a_page_shows_it_escaped_and_only_once_it_is_measured(tmp_path):
    chosen = {TABLE.id: TABLE}
    (page, _) = write_report([], chosen, tmp_path, tmp_path / "report")
    assert "1.31" not in page.read_text() and "nothing is trained for it" in page.read_text()
    Store(tmp_path).write_complexity(TABLE.id, MEASURED)
    (page, _) = write_report([], chosen, tmp_path, tmp_path / "report")
    assert "1.31" in page.read_text() and "1.25" in page.read_text()
    assert "&lt;a processor&gt;" in page.read_text() and "<a processor>" not in page.read_text()


def test_no_run_is_planned_and_all_rows_are_measured_whichever_were_chosen(tmp_path, monkeypatch):
    choice = choose(TABLE, TABLE.rows[:1], None, None, Shelf(tmp_path), planning=False)
    assert choice.datasets == () and "nothing is trained" in choice.notice
    subjects = []

    def measured(given, batch, machine):
        subjects.extend(given)
        cost = {"params_m": 1.0, "time_ms": 1.0}
        return [{"training": cost, "testing": cost} for _ in given]

    monkeypatch.setattr(execution, "measured_complexity", measured)

    class Watch:
        def begin(self, what, total):
            pass

        def say(self, line):
            self.said = line

    place = Workplace(Shelf(tmp_path), Store(tmp_path), CPU, Watch())
    execution.measure_tables([choice], place)
    assert [subject.method.id for subject in subjects] == ["pcb", "mgn", "pyramid", "mpn"]
    assert list(place.store.complexities()[TABLE.id]["rows"]) == ["PCB [19]", "MGN [7]", "Pyramid [30]", "MPN°"]
    assert "× measured" in place.watch.said


def test_a_row_of_an_unknown_method_is_refused_in_one_line(tmp_path):
    text = (registry.folders()["mpn"] / "tables.yaml").read_text(encoding="utf-8")
    file = tmp_path / "tables.yaml"
    file.write_text(text.replace("method: pcb", "method: pbc"), encoding="utf-8")
    with pytest.raises(BadInput, match=r"row 'PCB \[19\]': unknown method 'pbc'; the nearest known: 'pcb'"):
        load(file, "mpn")
