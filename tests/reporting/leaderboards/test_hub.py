"""Records as ``.eval_results`` of the Hugging Face Hub, read back with the Hub's own package."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from harness.reporting.leaderboards.hub import entries_of, text_of
from tests.records import done_record

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "eval_results.schema.json").read_text())
RECORDS = [done_record(metrics={"map": 41.25}), done_record(seed=1, reasons=())]


def test_entries_have_the_documented_fields_only():
    content = yaml.safe_load(text_of(RECORDS, "lab/market1501"))
    assert list(jsonschema.Draft7Validator(SCHEMA).iter_errors(content)) == []


def test_the_hub_s_own_package_reads_every_value():
    hub = pytest.importorskip("huggingface_hub")
    if not hasattr(hub, "parse_eval_result_entries"):
        pytest.skip(f"huggingface_hub {hub.__version__} is older than the format")
    content = yaml.safe_load(text_of(RECORDS, "lab/market1501"))
    read = hub.parse_eval_result_entries(content)
    assert [(each.task_id, each.value) for each in read][:2] == [("map", 41.25), ("rank1", 55.0)]
    assert {each.dataset_id for each in read} == {"lab/market1501"}
    assert hub.eval_result_entries_to_yaml(read) == content


def test_notes_hold_interval_verdict_and_the_command_that_verifies():
    notes = entries_of(RECORDS[0], "lab/market1501")[0]["notes"]
    assert notes.startswith("mAP in percent, 95 % interval 39.2 to 43.8 by identity; mpn_ablation-MPN-synthetic")
    assert "not comparable: demo profile" in notes
    assert notes.endswith("reid-tables verify mpn_ablation-MPN-synthetic --results . --profile demo --seed 0")


def test_each_receipt_stands_in_a_comment():
    comments = [line for line in text_of(RECORDS, "b").splitlines() if line.startswith("#")]
    assert [json.loads(line.partition(": ")[2]) for line in comments] == [each["receipt"] for each in RECORDS]


def test_settings_of_one_s_own_are_part_of_the_command_that_verifies():
    settings = [{"name": "recipe.epochs", "value": "20"}, {"name": "initial_weights", "value": "ab12"}]
    notes = entries_of({**RECORDS[0], "settings": settings}, "b")[0]["notes"]
    assert notes.endswith("--seed 0 --set recipe.epochs=20 --initial-weights FILE")
