"""Records in the schema of Every Eval Ever, validated against the schema that they publish."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from harness.reporting.leaderboards.every_eval_ever import SCHEMA_VERSION, content_of, file_of
from harness.results.record import record_digest
from tests.records import done_record

SCHEMA = json.loads((Path(__file__).parent / "schemas" / "eval.schema.json").read_text())
RECORD = done_record(metrics={"map": 41.25, "rank1": 55.5})


def errors(content):
    return [error.message for error in jsonschema.Draft7Validator(SCHEMA).iter_errors(content)]


def test_the_version_that_is_written_is_the_one_of_the_schema():
    assert SCHEMA["version"] == SCHEMA_VERSION, f"the schema is now {SCHEMA['version']}; write that version"


@pytest.mark.parametrize(
    "record",
    [
        RECORD,
        done_record(reasons=()),
        done_record("toy", "RMGL(Ours)†", "market1501", "paper", 3),
        {**RECORD, "intervals": {}},
        {**RECORD, "settings": [{"name": "recipe.epochs", "value": "20"}]},
    ],
)
def test_a_record_is_valid(record):
    assert errors(content_of(record, "My lab")) == []


def test_the_validator_refuses_what_the_schema_does_not_know():
    content = content_of(RECORD, "My lab")
    assert errors({**content, "receipt": "inside"})
    del content["evaluation_results"][0]["metric_config"]["max_score"]
    assert errors(content)


def test_each_metric_is_in_percent_with_its_interval_by_identity():
    results = content_of(RECORD, "My lab")["evaluation_results"]
    found = {each["metric_config"]["metric_id"]: each for each in results}
    assert found["reid.map"]["score_details"]["score"] == 41.25
    assert found["reid.rank1"]["score_details"]["score"] == 55.5
    interval = found["reid.map"]["score_details"]["uncertainty"]["confidence_interval"]
    assert [interval["lower"], interval["upper"]] == RECORD["intervals"]["map"]["by_identity"]
    assert found["reid.map"]["score_details"]["uncertainty"]["num_samples"] == 298
    assert found["reid.rank1"]["metric_config"]["metric_parameters"]["k"] == 1


def test_receipt_verdict_and_the_command_that_verifies_are_inside():
    details = content_of(RECORD, "My lab")["source_metadata"]["additional_details"]
    assert json.loads(details["receipt"]) == RECORD["receipt"]
    assert details["record"] == record_digest(RECORD)
    assert details["verdict"] == "not comparable: demo profile"
    command = "reid-tables verify mpn_ablation-MPN-synthetic --results . --profile demo --seed 0"
    assert details["verify_command"] == command


def test_the_path_is_the_one_of_their_datastore_and_follows_from_the_record():
    uuid4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(rf"data/synthetic/reid-tables/mpn-[0-9a-f]{{16}}/{uuid4}\.json", str(file_of(RECORD)))
    assert file_of(RECORD) == file_of({**RECORD}) != file_of(done_record(seed=1))
    dialled = done_record(dataset="synthetic:misalignment=2")
    assert str(file_of(dialled)).startswith("data/synthetic-misalignment-2/reid-tables/")
