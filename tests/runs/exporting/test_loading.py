"""Load a network that was taken away: from an untouched folder, an altered one, and one with weights of another."""

import json

import pytest
import torch
from PIL import Image

import harness
from harness.errors import BadInput
from harness.files.hashing import file_digest
from harness.results.exported import facts_digest
from harness.results.store import Store
from harness.runs.exporting.loading import load_recorded, only_record
from harness.training.final_weights import write_weights
from tests.exports import export_toy
from tests.records import done_record, failed_record


@pytest.fixture
def exported(toy_method, tmp_path, monkeypatch):
    """The exported toy, ``taken`` in the current folder."""
    monkeypatch.chdir(tmp_path)
    return export_toy(tmp_path / "taken")


def test_an_image_is_embedded_the_same_alone_and_among_many(exported):
    network = harness.load(exported, device="cpu")
    many = torch.rand(130, 3, 20, 10)
    torch.testing.assert_close(network.embed(many[129]), network.embed(many)[129:], rtol=1e-5, atol=1e-6)


def test_an_altered_or_missing_file_of_an_export_is_named(exported):
    def refused(said):
        with pytest.raises(BadInput, match=said):
            harness.load(exported, device="cpu")

    weights, facts = exported / "weights.safetensors", exported / "embedding.json"
    whole, written = weights.read_bytes(), facts.read_text()
    weights.write_bytes(whole[:-1] + b"x")
    refused(r"weights\.safetensors: changed since it was exported .* export the cell again")
    weights.unlink()
    refused(r"weights\.safetensors is missing; export the cell again")
    weights.write_bytes(whole)
    facts.write_text(written.replace('"feature": "a"', '"feature": "b"'))
    refused(r"embedding\.json: changed since it was exported")
    facts.write_text(written[:-5])
    refused(r"embedding\.json: damaged, not valid JSON")
    facts.write_text(written.replace('"schema": 1', '"schema": 9'))
    refused("schema 9, this harness reads schema 1")
    facts.unlink()
    refused(r"is no exported folder, it lacks embedding\.json")


def test_weights_of_another_network_are_refused_by_the_first_tensor_that_differs(exported):
    weights, facts = exported / "weights.safetensors", exported / "embedding.json"
    write_weights(weights, torch.nn.Linear(3, 4))
    content = json.loads(facts.read_text())
    content["network"]["weights"] = file_digest(weights)
    facts.write_text(json.dumps({**content, "digest": facts_digest(content)}))
    with pytest.raises(BadInput, match="holds no weights of toy on toy: 13 tensors are missing, unknown or of another"):
        harness.load(exported, device="cpu")


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ("notes.jpg", "1 file is no image of 8 bits per channel that can be decoded: notes.jpg; give whole"),
        ("absent.jpg", "there is no image absent.jpg; correct its path"),
        ([], "there is no image to embed; give at least one"),
        (torch.zeros(4, 8, 8), r"must be \(3, H, W\) or \(N, 3, H, W\), RGB, not \(4, 8, 8\)"),
        (torch.full((3, 8, 8), 2.0), "must lie in 0..1 and not be normalised yet"),
        (torch.full((3, 8, 8), float("nan")), "must lie in 0..1 and not be normalised yet"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), r"holds uint8 in 0..255 or floats in 0..1, not torch.int64"),
        (Image.new("I;16", (8, 8)), "a PIL image of mode I;16 has no 8 bits per channel"),
    ],
)
def test_what_is_no_image_gets_one_sentence(exported, tmp_path, image, said):
    (tmp_path / "notes.jpg").write_text("no image")
    with pytest.raises(BadInput, match=said):
        harness.load(exported, device="cpu").embed(image)


def test_the_modality_is_refused_by_a_network_that_sees_one_stream(exported):
    with pytest.raises(BadInput, match="toy embeds visible and infrared images alike; leave infrared out"):
        harness.load(exported, device="cpu").embed(torch.zeros(3, 8, 8), infrared=True)


def test_one_of_several_records_must_be_chosen():
    with pytest.raises(BadInput, match=r"there are 2 records; choose by profile and seed: .*seed 0.*seed 1"):
        only_record([done_record(seed=0), done_record(seed=1)], "profile and seed")
    with pytest.raises(BadInput, match=r"failed .* there is nothing to load, run it again"):
        only_record([failed_record()], "profile and seed")


def test_a_row_that_reads_poses_at_test_is_refused_with_the_way_out(tmp_path):
    reads_poses = {**done_record(switches={"feature": "f_E"}), "method": "pgfl_kd"}
    with pytest.raises(BadInput, match=r"reads keypoints of each test image, .* choose a row that reads none at test"):
        load_recorded(reads_poses, Store(tmp_path))


def test_a_cell_whose_run_is_gone_is_to_be_run_again(tmp_path):
    with pytest.raises(BadInput, match="is not here; run the cell again"):
        load_recorded(done_record(switches={}), Store(tmp_path))
