"""Tables of complexity: what is measured, in which ratios it is shown, and that nothing is trained for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from harness import registry
from harness.commands import run
from harness.errors import BadInput
from harness.execution import cost_tables as execution
from harness.measure import in_turns as measuring
from harness.measure.in_turns import Subject, costs_in_turns, query_costs_in_turns
from harness.plan.selection import choose
from harness.plan.shelf import Shelf
from harness.reporting.complexity import as_text, complexity_csv, complexity_table
from harness.reporting.pages import write_report
from harness.results.fields import missing_field
from harness.results.record import MeasuredTable
from harness.results.store import Store
from harness.run import main
from harness.runs.context import RunContext
from harness.tables import load, tables
from harness.training.machine import Machine
from tests.records import HARDWARE, measured_table, queried_table

CPU = Machine(torch.device("cpu"), bfloat16=False)
TABLE = tables()["mpn_complexity"]
QUERIES = tables()["pgfl_kd_speed"]


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
    return {**measured_table(TABLE.id, []), "rows": rows, "hardware": {**HARDWARE, "cpu": "<a processor>"}}


MEASURED = record(**{"PCB [19]": 500.0, "MGN [7]": 1000.0, "Pyramid [30]": 550.0, "MPN°": 625.0})
QUERIED = queried_table(
    QUERIES.id,
    {
        "PCB [39]": {"occluded_duke": {"params_m": 23.508032, "time_ms": 200.0}},
        "PGFL-KD (Ours)": {"occluded_duke": {"params_m": 23.512128, "time_ms": 150.0}},
    },
    {"occluded_duke": 17_661},
)


class Watch:
    """Keeps what is said."""

    def __init__(self):
        self.said = []

    def begin(self, what, total):
        pass

    def say(self, line):
        self.said.append(line)


def context(tmp_path, machine=CPU):
    return RunContext(Shelf(tmp_path), Store(tmp_path), machine, Watch())


def chosen(table, tmp_path):
    return choose(table, table.rows[:1], None, None, Shelf(tmp_path), planning=False)


def test_methods_take_turns_and_none_is_left_out(monkeypatch):
    subjects = [small("pcb", pooling="uniform", descriptor="h"), small("mpn")]
    turns = []
    for name in ("train", "embed"):
        run = getattr(measuring._PreparedSubject, name)
        monkeypatch.setattr(
            measuring._PreparedSubject,
            name,
            lambda self, name=name, run=run: (turns.append((name, id(self))), run(self)),
        )
    costs = costs_in_turns(subjects, 4, CPU, budget_s=0)
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
    page = write_report([], chosen, tmp_path, tmp_path / "report")[0]
    assert "1.31" not in page.read_text() and "nothing is trained for it" in page.read_text()
    Store(tmp_path).write_measured_table(MEASURED)
    page = write_report([], chosen, tmp_path, tmp_path / "report")[0]
    assert "1.31" in page.read_text() and "1.25" in page.read_text()
    assert "&lt;a processor&gt;" in page.read_text() and "<a processor>" not in page.read_text()


def test_no_run_is_planned_and_all_rows_are_measured_whichever_were_chosen(tmp_path, monkeypatch):
    choice = chosen(TABLE, tmp_path)
    assert choice.datasets == () and "nothing is trained" in choice.notice
    subjects = []

    def measured(given, batch, machine):
        subjects.extend(given)
        cost = {"params_m": 1.0, "time_ms": 1.0}
        return [{"training": cost, "testing": cost} for _ in given]

    monkeypatch.setattr(execution, "costs_in_turns", measured)
    here = context(tmp_path)
    (found,), failures = execution.measure_tables([choice], here)
    assert [subject.method.id for subject in subjects] == ["pcb", "mgn", "pyramid", "mpn"]
    kept, _ = here.store.measured_tables()
    assert list(kept[TABLE.id]["rows"]) == ["PCB [19]", "MGN [7]", "Pyramid [30]", "MPN°"]
    assert found == kept[TABLE.id] and missing_field(found, MeasuredTable) is None
    assert failures == 0 and here.watch.said == []


def test_a_table_that_cannot_be_measured_is_said_in_a_line_with_its_cause_and_the_next_goes_on(tmp_path, monkeypatch):
    def too_large(subjects, batch, machine):
        raise RuntimeError("CUDA out of memory.\nTried to allocate 20 GiB")

    costs = [{"params_m": 23.5, "time_ms": 200.0}, {"params_m": 23.5, "time_ms": 100.0}]
    monkeypatch.setattr(execution, "costs_in_turns", too_large)
    monkeypatch.setattr(execution, "query_costs_in_turns", lambda subjects, dataset, gallery, machine: costs)
    emptied = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(True))
    monkeypatch.setattr(execution, "hardware_facts", lambda device: {**HARDWARE, "gpu": "a GPU"})
    here = context(tmp_path, replace(CPU, device=torch.device("cuda")))
    measured, failures = execution.measure_tables([chosen(TABLE, tmp_path), chosen(QUERIES, tmp_path)], here)
    assert here.watch.said == ["failed: mpn_complexity: out of memory: CUDA out of memory. Tried to allocate 20 GiB"]
    kept, damaged = here.store.measured_tables()
    assert (failures, list(kept), damaged) == (1, ["pgfl_kd_speed"], [])
    (found,) = measured
    assert "0.50" in as_text(complexity_table(QUERIES, found))
    assert len(emptied) == 2


@pytest.mark.parametrize("error", [BadInput("the disk is full"), KeyboardInterrupt()])
def test_what_the_user_did_or_can_fix_ends_the_measuring(tmp_path, monkeypatch, error):
    def stopped(*given):
        raise error

    monkeypatch.setattr(execution, "costs_in_turns", stopped)
    with pytest.raises(type(error)):
        execution.measure_tables([chosen(TABLE, tmp_path)], context(tmp_path))


def test_the_command_prints_the_table_and_its_exit_code_counts_what_was_not_measured(
    tmp_path, monkeypatch, capsys, leave_methods
):
    leave_methods("ide", "mgn", "mpn", "pcb", "pyramid")
    monkeypatch.chdir(tmp_path)
    command = ["--table", "mpn_complexity", "--device", "cpu"]
    for answer, code in ((([MEASURED], 0), 0), (([], 1), 1)):
        monkeypatch.setattr(run, "measure_tables", lambda choices, context, answer=answer: answer)
        assert main(command) == code
        assert ("× measured" in capsys.readouterr().out) == (code == 0)


# --- a table whose only figure is the time of a query ---


def test_query_times_are_ratios_to_pcb_and_no_cell_is_planned_for_them(tmp_path):
    assert chosen(QUERIES, tmp_path).datasets == ()
    shown = complexity_table(QUERIES, QUERIED)
    assert shown.reference == "PCB [39]" and shown.columns == ("Occluded-Duke",)
    costs = {name: cost for name, (cost,) in shown.rows}
    assert [cost.published_ratio for cost in costs.values()] == ["53.78", "51.67", "9.11", "1.33", "1.00", "0.89"]
    assert [cost.ratio for cost in costs.values()] == ["–", "–", "–", "–", "1.00", "0.75"]
    assert [cost.time for cost in costs.values()] == ["–", "–", "–", "–", "200.0", "150.0"]
    assert "with 17,661 random gallery features" in as_text(shown)
    assert "these figures are from commit 0123456789ab." in as_text(shown)
    copied = complexity_csv(QUERIES, QUERIED)
    assert "PGFL-KD (Ours),occluded_duke,,time_s,0.08,0.15," in copied
    assert "DSR [8],occluded_duke,,time_s,4.84,," in copied


def test_a_query_ranks_a_gallery_of_unit_features_as_wide_as_its_own():
    # g is six parts of the trunk's width, 128 in the demo's ResNet-10.
    query = measuring._QuerySubject(small("pcb", pooling="uniform", descriptor="g"), "occluded_duke", 50, CPU)
    assert query.gallery.shape == (50, 6 * 128)
    torch.testing.assert_close(query.gallery.square().sum(1), torch.ones(50))
    query.gallery[7] = query.feature()
    ranking = query.ranked().tolist()
    assert ranking[0] == 7 and sorted(ranking) == list(range(50))


def test_queries_take_turns(monkeypatch):
    turns = []
    ranked = measuring._QuerySubject.ranked
    monkeypatch.setattr(measuring._QuerySubject, "ranked", lambda self: (turns.append(self.embedding), ranked(self)))
    subjects = [small("pcb", pooling="uniform", descriptor="g"), small("pgfl_kd")]
    costs = query_costs_in_turns(subjects, "occluded_duke", 20, CPU, budget_s=0)
    assert turns == ["g", "f_G"] * (1 + 3)
    assert all(cost["time_ms"] > 0 for cost in costs)


@pytest.mark.parametrize("before", ["another reference", "a row less", "another column"])
def test_a_record_of_other_rows_than_the_table_has_now_is_no_measurement(before):
    rows = dict(QUERIED["rows"])
    if before == "another reference":
        rows["PCB [38]"] = rows.pop("PCB [39]")
    elif before == "a row less":
        del rows["PGFL-KD (Ours)"]
    else:
        rows = {key: {"market1501": cost["occluded_duke"]} for key, cost in rows.items()}
    assert complexity_table(QUERIES, {**QUERIED, "rows": rows}) is None
    assert complexity_table(QUERIES, QUERIED) is not None


def test_a_row_of_an_unknown_method_is_refused_in_one_line(tmp_path):
    text = (registry.folders()["mpn"] / "tables.yaml").read_text(encoding="utf-8")
    file = tmp_path / "tables.yaml"
    file.write_text(text.replace("method: pcb", "method: pbc"), encoding="utf-8")
    with pytest.raises(BadInput, match=r"row 'PCB \[19\]': unknown method 'pbc'; the nearest known: 'pcb'"):
        load(file, "mpn")
