"""What a plan is expected to cost, and how long it takes on several devices."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.files.atomic import write_json
from harness.machine.computation import Computation
from harness.plan import forecast
from harness.plan import operations as planned
from harness.plan.forecast import Forecast
from harness.plan.operations import planned_operations
from harness.plan.plan import Plan
from harness.plan.planner import Planner
from harness.plan.scaling import Scaling, Training, makespan
from harness.plan.selection import Choice
from harness.plan.shelf import Shelf
from harness.plan.throughput import PUBLISHED, Hardware, Measurement, recorded_hardware
from harness.plan.views import as_json, as_text, published_lines, scaling_lines, summary
from harness.progress import duration
from harness.results.store import Store
from harness.run import main
from harness.tables import table
from tests.records import HARDWARE, LOG, batch, computation, done_record, failed_record, manifest

TOY_MACS = {"Narrow": 15 * 7 * 8 * 27 + 32 * 4, "Wide": 15 * 7 * 8 * 27 + 32 * 8}
"""Of a 3x3 convolution with stride 2 on 32x16 images, from 3 to 8 channels, and a linear layer."""


def plan_of(table_id, tmp_path):
    plan, wanted = Plan(), table(table_id)
    planner = Planner(Shelf(tmp_path / "nothing"), Store(tmp_path / "results"), Computation(bfloat16=False), draw=False)
    planner.add(plan, Choice(wanted, wanted.rows, wanted.columns, "paper"))
    return plan


def record(run, gpu=None, method="mpn", macs=100, images_per_second=10.0, processes=1, precision="bfloat16"):
    how = {"computation": computation(precision), "effective_batch": batch(processes)}
    whole = done_record("t", run, "d", hardware={**HARDWARE, "gpu": gpu}, **how)
    own = {"macs": {**whole["cost"]["macs"], "macs": macs}, "training_images_per_second": images_per_second}
    return {**whole, "run": run, "method": method, "cost": {**whole["cost"], **own}}


@pytest.fixture
def reference(tmp_path, monkeypatch):
    """The records that come with the checkout, here none until a test writes some."""
    monkeypatch.setattr(forecast, "REFERENCE", tmp_path / "reference")
    return Store(tmp_path / "reference")


def trainings(*lengths, after=None):
    """Trainings called a, b, ... that take so many seconds at one multiply-add a second."""
    names = "abcdefghij"[: len(lengths)]
    return [
        Training(name, (after or {}).get(name), "m", length, 1) for name, length in zip(names, lengths, strict=True)
    ]


def seconds(training):
    return float(training.images)


def test_the_longest_goes_first():
    assert makespan(trainings(2, 2, 3), seconds, 1) == 7
    assert makespan(trainings(2, 2, 3), seconds, 2) == 4
    assert makespan(trainings(2, 2, 3), seconds, 3) == 3
    assert makespan([], seconds, 4) == 0


def test_a_training_waits_for_the_one_it_starts_from_and_for_none_that_is_done():
    assert makespan(trainings(1, 5, 4, after={"b": "a"}), seconds, 2) == 6
    assert makespan(trainings(1, 5, 4, after={"b": "trained before"}), seconds, 2) == 5


@settings(deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=10), st.integers(1, 4), st.randoms())
def test_no_schedule_beats_the_sum_or_the_longest_chain_and_this_one_is_never_twice_as_long(lengths, devices, random):
    names = "abcdefghij"
    after = {names[i]: names[random.randrange(i)] for i in range(1, len(lengths)) if random.random() < 0.5}
    found = makespan(trainings(*lengths, after=after), seconds, devices)
    ends = {}
    for name, length in zip(names, lengths, strict=False):
        ends[name] = length + ends.get(after.get(name), 0)
    bound = max(sum(lengths) / devices, *ends.values(), 0)
    assert bound <= found <= sum(lengths) / devices + max(ends.values())


def test_the_expected_speed_is_recorded_for_the_nearest_size_and_for_the_same_method_if_there_is_one():
    measured = (
        *(Measurement("mpn", 100, rate) for rate in (1.0, 9.0, 2.0)),
        *(Measurement("mpn", 1000, 4.0), Measurement("ide", 5000, 6.0)),
    )
    hardware = Hardware("Abacus", False, measured)
    assert hardware.macs_per_second("mpn", 200) == 2.0
    assert hardware.macs_per_second("mpn", 5000) == 4.0
    assert hardware.macs_per_second("ddag", 4000) == 6.0
    assert hardware.extremes == (1.0, 9.0)


def test_hardware_is_told_apart_gpus_first_and_a_run_counts_once():
    cells_of_one_run = [record("one"), record("one")]
    on_gpus = record("two", gpu="Warp 9", macs=50, images_per_second=400.0, processes=4)
    in_float32 = record("three", precision="float32")
    failed = failed_record("t", "four")
    found = recorded_hardware([*cells_of_one_run, on_gpus, in_float32, failed])
    assert [(each.name, each.is_gpu) for each in found] == [
        ("Warp 9, bfloat16", True),
        ("Abacus on 2 threads, bfloat16", False),
        ("Abacus on 2 threads, float32", False),
    ]
    assert found[0].measured == (Measurement("mpn", 50, 100.0 * 50 * 3),)
    assert found[1].measured == (Measurement("mpn", 100, 10.0 * 100 * 3),)


def test_device_hours_are_images_times_multiply_adds_times_three_by_speed():
    work = [Training("a", None, "mpn", 3600, 100), Training("b", "a", "mpn", 7200, 100)]
    cpu = Hardware("Abacus", False, (Measurement("mpn", 100, 300.0), Measurement("ide", 7, 600.0)))
    found = Scaling(work, cpu)
    assert found.device_hours == pytest.approx(3)
    assert [found.device_hours_at(speed) for speed in cpu.extremes] == pytest.approx([3, 1.5])
    assert [found.wall_hours(devices) for devices in (1, 4, 32)] == pytest.approx([3, 3, 3])
    said = "\n".join(scaling_lines([found]))
    assert "about 3 device-hours (2 to 3)" in said
    gpu = Hardware("Warp 9", True, cpu.measured)
    said = "\n".join(scaling_lines([Scaling(work, gpu)]))
    assert "about 3 GPU-hours" in said
    assert "no throughput is recorded yet" in next(scaling_lines([]))


def test_published_rates_are_of_resnet50_and_give_hours_with_a_loader_and_from_memory():
    assert [each.name for each in PUBLISHED] == ["H200", "H100", "A100", "RTX 2080 Ti"]
    # 2,204 images/s with a loader, 4,868 from memory, at 4.05 G multiply-adds forward and 8.1 G backward.
    assert PUBLISHED[0].extremes == pytest.approx((2204 * 12.15e9, 4868 * 12.15e9))
    # A ResNet-50 on 10 M images: 10e6 / 2470 images/s are 1.12 hours; half its multiply-adds take half of that.
    work = [
        Training("a", None, "bot", 10_000_000, 4_050_000_000),
        Training("b", None, "bot", 10_000_000, 2_025_000_000),
    ]
    (line,) = published_lines([Scaling(work, hardware) for hardware in PUBLISHED])
    assert "from published rates of other code (ResNet-50), not measured here: " in line
    assert "H200 1 to 2, H100 1 to 2, A100 2, RTX 2080 Ti 11 GPU-hours" in line
    assert list(published_lines([])) == []


def test_published_rates_stand_in_only_while_no_gpu_is_recorded(toy_method, reference, tmp_path):
    def found():
        return Forecast(plan_of("toy_table", tmp_path), Store(tmp_path / "results"), {}, "Abacus")

    without = found()
    assert [scaling.hardware for scaling in without.published] == list(PUBLISHED)
    assert without.scalings == [] and without.seconds(next(iter(without.plan.runs.values()))) is None
    assert [each["source"] for each in as_json(without)["scaling"]["published"]][:2] == ["milabench"] * 2
    reference.write_record(record("one"))
    assert "not measured here" in as_text(found())
    reference.write_record({**record("two", gpu="Warp 9"), "row": "Other"})
    assert found().published == []
    assert "not measured here" not in as_text(found())


def test_multiply_adds_of_networks_are_counted_once_and_kept(toy_method, tmp_path, monkeypatch):
    plan = plan_of("toy_table", tmp_path)
    found = planned_operations(plan.runs.values())
    assert sorted(found.values()) == sorted(TOY_MACS.values())
    monkeypatch.setattr(planned, "_count", lambda run: pytest.fail("counted again"))
    assert planned_operations(plan.runs.values()) == found


def test_what_was_counted_of_other_code_is_counted_again(toy_method, tmp_path):
    plan = plan_of("toy_table", tmp_path)
    before = planned_operations(plan.runs.values())
    for run in plan.runs.values():
        run.configuration["code"] = {"methods.toy.model:Toy": "changed"}
    planned_file = planned.cache_folder() / "multiply_adds.json"
    planned_operations(plan.runs.values())
    kept = json.loads(planned_file.read_text())
    assert len(kept) >= 2 * len(before)
    planned_file.write_text("{")
    assert planned_operations(plan.runs.values()) == before


@pytest.mark.parametrize(
    ("table_id", "dataset", "size"),
    [
        ("ddag_sysu", "sysu_all", (34_167, 11_909)),
        ("ddag_regdb", "regdb_visible_to_infrared", (4_120, 2_060)),
        ("bot_tricks", "market1501", (12_936, 0)),
    ],
)
def test_a_training_set_that_is_not_here_counts_as_published(tmp_path, table_id, dataset, size):
    found = Forecast(plan_of(table_id, tmp_path), Store(tmp_path / "results"), {}, "Abacus")
    assert found.sizes[dataset] == size
    assert dataset in found.of_published_size


def test_the_time_of_a_run_is_that_of_its_network_on_the_same_hardware(toy_method, reference, tmp_path):
    plan, store = plan_of("toy_table", tmp_path), Store(tmp_path / "results")
    narrow, wide = plan.runs.values()
    for name, run, changes, cpu, images_per_second in (
        ("as it is", narrow, {}, "Abacus", 10.0),
        ("elsewhere", narrow, {}, "Warp 9", 900.0),
        ("on two GPUs", narrow, {"processes": 2}, "Abacus", 900.0),
        ("other switches", wide, {}, "Abacus", 30.0),
    ):
        trained = manifest(name, {**run.configuration, "seed": 7, **changes}) | {
            "hardware": {**HARDWARE, "cpu": cpu},
            "log": {**LOG, "images_per_second": [images_per_second]},
        }
        write_json(store.run_folder(name) / "run.json", trained)
        store.weights_path(name).touch()
    found = Forecast(plan, store, {"market1501": (32, 0)}, "Abacus on 2 threads")
    assert [found.seconds(run) for run in (narrow, wide)] == [3 * 24 / 10.0, 3 * 24 / 30.0]


def test_what_is_here_counts_as_found(toy_method, tmp_path):
    found = Forecast(plan_of("toy_table", tmp_path), Store(tmp_path / "results"), {"market1501": (32, 0)}, "Abacus")
    assert {found.images_trained(run) for run in found.plan.runs.values()} == {3 * ((32 - 1) // 8) * 8}
    assert not found.of_published_size


def test_a_whole_plan_of_blocked_runs_is_estimated_from_the_rates_on_record(toy_method, reference, tmp_path, capsys):
    reference.write_record(record("one", macs=20_000, images_per_second=50.0))
    asked = ["--table", "toy_table", "--profile", "paper", "--dry-run", "--device", "cpu"]
    (tmp_path / "empty").mkdir()
    asked += ["--data-root", str(tmp_path / "empty"), "--results", str(tmp_path / "results")]
    assert main([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    scaling, (hardware,) = found["scaling"], found["scaling"]["hardware"]
    images = 3 * ((12_936 - 1) // 8) * 8
    assert (scaling["trainings"], scaling["blocked"], scaling["images"]) == (2, 2, 2 * images)
    assert scaling["of_published_size"] == ["market1501"]
    taken = {row: images * macs / (50.0 * 20_000) / 3600 for row, macs in TOY_MACS.items()}
    assert hardware["device_hours"] == pytest.approx(sum(taken.values()))
    assert hardware["wall_hours"]["32"] == pytest.approx(sum(taken.values())), "Wide starts from Narrow"
    assert [run["expected_seconds"] / 3600 for run in found["runs"]] == pytest.approx(list(taken.values()))
    main([*asked, "--verbose"])
    said = capsys.readouterr().out
    assert "2 trainings (2 blocked until their data is there), 0.1 M images" in said
    assert "training sets that are not here count as published: market1501" in said
    assert "Abacus on 2 threads, bfloat16" in said


def test_without_any_record_no_time_is_made_up(toy_method, reference, tmp_path):
    found = Forecast(plan_of("toy_table", tmp_path), Store(tmp_path / "results"), {}, "Abacus")
    assert {run["expected_seconds"] for run in as_json(found)["runs"]} == {None}
    assert "time unknown" in as_text(found)
    assert "no throughput is recorded yet" in as_text(found)


def test_runs_whose_cells_are_all_recorded_are_not_to_be_trained(toy_method, tmp_path):
    plan = plan_of("toy_table", tmp_path)
    for planned_cell in plan.cells:
        planned_cell.state = "fresh" if planned_cell.cell.row == "Narrow" else "cached"
    for run in plan.runs.values():
        run.blocked = None
    narrow, wide = plan.runs.values()
    found = Forecast(plan, Store(tmp_path / "results"), {}, "Abacus")
    assert "2 distinct runs, 1 to train" in summary(found)
    assert (set(found.trainings), found.seconds(wide)) == ({narrow.id}, 0)
    for planned_cell in plan.cells:
        planned_cell.state = "cached" if planned_cell.cell.row == "Narrow" else "fresh"
    found = Forecast(plan, Store(tmp_path / "results"), {}, "Abacus")
    assert "2 to train" in summary(found), "Wide starts from Narrow"


def test_durations_read_well():
    found = [duration(seconds) for seconds in (90, 3600, 5 * 3600, 10 * 86400)]
    assert found == ["90 s", "60 min", "5.0 h", "10 days"]
