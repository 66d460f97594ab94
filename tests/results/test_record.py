"""A record's fields: what is missing is found by its path, and a misspelt key is an error of types."""

from pathlib import Path
from typing import NotRequired, TypedDict

import pytest

from harness.errors import BadInput
from harness.results.fields import missing_field
from harness.results.reading import KINDS
from harness.results.record import DoneRecord, Evaluation, FailedRecord, Manifest, MeasuredTable, require_done
from harness.results.sentences import computation_sentence, origin_sentence, start_sentence
from tests.records import (
    SCRATCH,
    computation,
    done_record,
    evaluation,
    failed_record,
    manifest,
    measured_table,
)

ROOT = Path(__file__).parents[2]


def changed(content, path, value=None):
    """A copy of ``content`` in which the field at ``path`` holds ``value``; without a value it is taken out."""
    name, _, below = path.partition(".")
    if below:
        return {**content, name: changed(content[name], below, value)}
    left = {key: kept for key, kept in content.items() if key != name}
    return left if value is None else {**left, name: value}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (done_record(), DoneRecord),
        (failed_record(), FailedRecord),
        (manifest(), Manifest),
        (evaluation(), Evaluation),
        (measured_table("mpn_complexity", ["MGN [7]"]), MeasuredTable),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_nothing_is_missing_in_what_is_whole_and_any_field_taken_out_is_found(content, kind):
    assert missing_field(content, kind) is None
    for name in content.keys() - {"digest", "batch", "size"}:
        assert missing_field(changed(content, name), kind) == name


@pytest.mark.parametrize(
    "path",
    [
        "receipt.passport.official",
        "receipt.initialisation.origin.kind",
        "cost.latency.features_batch1.median_ms",
        "intervals.rank1.by_identity",
        "curves.losses",
        "verdict.reasons",
    ],
)
def test_a_nested_missing_field_is_found_by_its_path(path):
    assert missing_field(changed(done_record(), path), DoneRecord) == path


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("seed", "0", "seed"),
        ("receipt", "gone", "receipt"),
        ("cost.macs", [1], "cost.macs"),
        ("metrics.map", "41.2", "metrics.map"),
        ("cmc", [55.0, "56.0"], "cmc.1"),
        ("receipt.priors", {"train": {"kinds": [], "provider": "p"}}, "receipt.priors.train.fingerprint"),
        ("receipt.packages", {"torch": 2}, "receipt.packages.torch"),
    ],
)
def test_a_field_of_another_type_counts_as_missing(path, value, found):
    assert missing_field(changed(done_record(), path, value), DoneRecord) == found


def test_null_stands_only_where_nothing_may_be_known():
    whole = done_record()
    assert missing_field({**whole, "receipt": {**whole["receipt"], "code": None}}, DoneRecord) is None
    assert missing_field({**whole, "receipt": None}, DoneRecord) == "receipt"


def test_what_is_no_object_lacks_everything():
    assert missing_field([1], DoneRecord) == "everything"


class _Optional(TypedDict):
    always: int
    sometimes: NotRequired[int]


def test_a_field_that_need_not_be_there_is_checked_where_it_is():
    assert missing_field({"always": 1}, _Optional) is None
    assert missing_field({"always": 1, "sometimes": "2"}, _Optional) == "sometimes"


def test_a_whole_number_stands_for_a_figure_and_an_unknown_profile_is_no_damage():
    assert missing_field({**done_record(), "metrics": {"map": 41}, "profile": "gone"}, DoneRecord) is None


def test_require_done_says_what_there_is_nothing_to_do():
    whole = done_record()
    assert require_done(whole, "explain") is whole
    with pytest.raises(BadInput) as error:
        require_done(failed_record("mpn_ablation", "MPN", seed=3), "explain")
    assert str(error.value) == (
        "mpn_ablation-MPN-synthetic (demo, seed 3) failed (out of memory); there is nothing to explain, run it again"
    )


def test_every_status_has_its_fields():
    assert {done_record()["status"], failed_record()["status"]} == KINDS.keys()


def test_mypy_rejects_a_misspelt_key_of_a_record_and_takes_the_right_one(tmp_path):
    api = pytest.importorskip("mypy.api")
    code = tmp_path / "reads.py"
    code.write_text(READS)
    # Imports are skipped, but for the record's: so torch is not read, which takes a minute.
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--follow-imports", "skip"]
    options += ["--cache-dir", str(tmp_path / "cache"), "--no-error-summary"]
    found, errors, _ = api.run([*options, str(code), str(ROOT / "harness" / "results" / "record.py")])
    assert not errors
    first, second = (line for line in found.splitlines() if "error:" in line)
    assert ':5: error: TypedDict "DoneRecord" has no key "datasett"' in first
    assert ':6: error: TypedDict "Receipt" has no key "embeding"' in second


READS = """from harness.results.record import DoneRecord


def read(record: DoneRecord) -> str:
    wrong = record["datasett"]
    deeper = record["receipt"]["embeding"]
    return record["dataset"] + record["receipt"]["embedding"]
"""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "scratch, as the recipe says"),
        ({"wanted": "imagenet", "reason": "no network"}, "scratch: no ImageNet weights (no network)"),
        ({"kind": "imagenet", "file": "resnet50-0676ba61.pth"}, "ImageNet weights resnet50-0676ba61.pth"),
        ({"kind": "run", "method": "ide", "part": "trunk", "run": "1fc9"}, "trunk of ide, run 1fc9"),
        (
            {"kind": "run", "method": "ide", "part": "model", "run": "1fc9", "split_norms": 3},
            "ide, run 1fc9; plain norms of 3 blocks split for IBN-a, the running statistics of their IN halves left "
            "out",
        ),
    ],
)
def test_a_start_is_said_from_its_fields(changes, said):
    assert start_sentence({**SCRATCH, **changes}) == said


def test_an_origin_and_a_computation_are_said_from_their_fields():
    origin = {"kind": "luperson", "wanted": "luperson", "reason": None}
    assert origin_sentence(origin) == "LUPerson weights"
    compiled = {**computation("float32"), "compiled": True}
    assert computation_sentence(compiled) == (
        "float32, channels_last, torch.compile; features kept and scored in float16"
    )
