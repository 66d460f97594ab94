"""``benchmarks/gpu.py``: slices that resume, and its part that a CPU can run."""

import json

import pytest

from benchmarks import gpu


@pytest.fixture
def started(tmp_path, monkeypatch):
    """Starts the command with made-up slices, and returns its exit code and the slices that ran."""

    def start(slices, *options):
        ran = []

        def noted(name, result):
            def work(_):
                ran.append(name)
                return result

            return work

        made_up = {name: noted(name, result) for name, result in slices.items()}
        monkeypatch.setattr(gpu, "slices", lambda effort: made_up)
        code = gpu.main(["--device", "cpu", "--results", str(tmp_path / "gpu"), *options])
        return code, ran

    return start


def test_a_slice_that_is_recorded_is_not_run_again(started, tmp_path):
    assert started({"a": {"seconds_of_a": 1}, "b": None, "c": {}}) == (1, ["a", "b"])
    assert json.loads((tmp_path / "gpu" / "a.json").read_text())["seconds_of_a"] == 1
    assert started({"a": {}, "b": {}, "c": {}}) == (0, ["b", "c"])
    assert started({"a": {}, "b": {}, "c": {}}) == (0, [])


def test_no_slice_is_begun_when_the_time_is_up(started, capsys):
    assert started({"a": {}, "b": {}}, "--minutes", "0") == (1, [])
    assert "2 slices are left" in capsys.readouterr().out


def test_only_slices_of_a_name_are_run(started):
    assert started({"ranking": {}, "peers": {}}, "--only", "rank") == (0, ["ranking"])


def test_every_method_has_its_slices_and_the_named_trainings_exist():
    names = list(gpu.slices(gpu.ON_GPU))
    assert [sum(name.startswith(part) for name in names) for part in ("contract-", "throughput-", "training-")] == [
        11,
        11,
        3,
    ]
    from harness.tables import table

    for effort in (gpu.ON_GPU, gpu.ON_CPU):
        for table_id, row in effort.train:
            assert row in [each.key for each in table(table_id).rows]


@pytest.mark.slow
@pytest.mark.parametrize("part", ["contract", "throughput", "ranking", "training"])
def test_the_part_of_a_cpu_runs(part, tmp_path):
    assert gpu.main(["--device", "cpu", "--results", str(tmp_path), "--only", part]) == 0
    found = {path.stem: json.loads(path.read_text()) for path in tmp_path.glob("*.json")}
    assert all(name.startswith((part, "re")) for name in found)
    if part == "contract":
        assert found["contract-ide"]["passed"]
    if part == "throughput":
        assert len(found) == 11
        assert all(each["images_per_second"]["loop"] > 0 for each in found.values())
    if part == "ranking":
        assert found.keys() == {"ranking", "reranking"}
    if part == "training":
        assert found["training-ide_main"]["exit_code"] == 0
        assert list((tmp_path / "results").glob("records/ide_main/*.json"))
