"""``reid-tables export`` and ``harness.load``: a trained cell is taken away and embeds images as its evaluation did."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import harness
from harness.commands.main import main
from harness.files.hashing import file_digest
from harness.results.store import Store
from harness.runs.exporting import agreement as comparison
from tests.runs.exporting.test_all_methods import needs_exporter

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "take-a-model-away.md"
WIDE, OTHER_FEATURE = "toy_table-Wide-market1501", "toy_table-Wide, other feature-market1501"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Where the first test leaves the results that it trained, for the others."""
    return tmp_path_factory.mktemp("kept") / "results"


@pytest.fixture
def trained(toy_alone, market_root, tmp_path, kept, capsys, monkeypatch):
    """A results folder with the toy's cells, as ``results`` in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_DATA_ROOT", str(market_root))
    if kept.exists():
        shutil.copytree(kept, "results")
    else:
        which = ("--table", "toy_table", "--dataset", "market1501", "--profile", "demo")
        assert main(["run", *which, "--device", "cpu", "--precision", "float32"]) == 0
        shutil.copytree("results", kept)
    capsys.readouterr()
    return tmp_path / "results"


@pytest.fixture
def exported(trained, tmp_path):
    """The toy's wide cell, exported without ONNX."""
    assert main(["export", WIDE, "--to", "taken", "--no-onnx"]) == 0
    return tmp_path / "taken"


def record_of(results, row):
    return next(record for record in Store(results).records() if record["row"] == row)


def recorded_features(results, row):
    """Features of the queries as the evaluation stored them, of length 1, and the files of the queries."""
    with np.load(results / record_of(results, row)["evaluation"] / "features.npz") as stored:
        features = torch.from_numpy(stored["query"].astype(np.float32))
        return torch.nn.functional.normalize(features), [str(name) for name in stored["query_names"]]


def sentence(capsys):
    """The one sentence of an error."""
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    return said


@pytest.mark.parametrize("row", ["Wide", "Wide, other feature"])
def test_a_loaded_cell_embeds_images_as_its_evaluation_did(trained, market_root, row):
    expected, names = recorded_features(trained, row)
    files = [market_root / "Market-1501-v15.09.15" / name for name in names]
    found = harness.load(f"toy_table-{row}-market1501", device="cpu").embed(files)
    # The evaluation keeps float16, which has three digits.
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-3)


def test_an_exported_folder_embeds_like_the_cell_whatever_form_an_image_has(exported, market_root):
    cell, folder = harness.load(WIDE, device="cpu"), harness.load(exported, device="cpu")
    file = next((market_root / "Market-1501-v15.09.15" / "query").iterdir())
    image = Image.open(file)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    expected = cell.embed(file)
    assert expected.shape == (1, 8)
    for form in (file, str(file), [file], image, pixels, pixels[None], pixels / 255, [image]):
        assert torch.equal(folder.embed(form), expected)
    torch.testing.assert_close(folder.embed([image, file, pixels]), expected.expand(3, -1))


@needs_exporter
def test_an_export_holds_the_weights_of_the_run_an_onnx_file_that_agrees_and_a_card(trained, capsys, tmp_path):
    assert main(["export", OTHER_FEATURE, "--to", "taken"]) == 0
    said = capsys.readouterr().out
    assert "ONNX Runtime against PyTorch on 22 images of market1501: greatest difference" in said
    folder, record = tmp_path / "taken", record_of(trained, "Wide, other feature")
    assert {path.name for path in folder.iterdir()} == {
        *("weights.safetensors", "embedding.onnx", "embedding.json", "README.md")
    }
    assert file_digest(folder / "weights.safetensors") == record["receipt"]["weights_sha256"]
    facts = json.loads((folder / "embedding.json").read_text())
    assert (facts["network"]["feature"], facts["dimensions"]) == ("b", 32)
    assert facts["agreement"]["least_cosine"] > 0.9999


@needs_exporter
def test_the_examples_of_the_guide_run_and_both_ways_give_the_same_features(trained):
    examples = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert main(["export", WIDE, "--to", "mpn"]) == 0
    for name, colour in (("query.jpg", "red"), ("other.jpg", "blue")):
        Image.new("RGB", (40, 90), colour).save(name)
    in_python, in_onnx = {}, {}
    exec(examples[0], in_python)
    exec(examples[1], in_onnx)
    assert -1 <= in_python["similarity"] <= 1
    torch.testing.assert_close(torch.from_numpy(in_onnx["features"]), in_python["features"][:1], rtol=1e-4, atol=1e-6)


@needs_exporter
def test_an_onnx_file_that_disagrees_is_not_written(trained, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "onnx_features", lambda path, prepared, infrared: np.ones((len(prepared), 8)))
    assert main(["export", WIDE, "--to", "taken"]) == 1
    assert "every cosine must exceed 0.9999, so nothing is written" in capsys.readouterr().out
    assert not [path.name for path in tmp_path.iterdir() if path.name not in ("results", "reports", "data", "plugins")]


@needs_exporter
def test_an_operator_that_cannot_be_exported_is_named_and_nothing_is_written(
    trained, toy_method, capsys, tmp_path, monkeypatch
):
    from methods.toy.model import Toy

    embed = Toy.embed
    monkeypatch.setattr(
        Toy, "embed", lambda self, images, priors=None: {"a": torch.special.bessel_j0(embed(self, images)["a"])}
    )
    assert main(["export", WIDE, "--to", "taken"]) == 2
    assert "cannot be exported as ONNX: the operator prims.bessel_j0 has no ONNX form; --no-onnx" in sentence(capsys)
    assert not (tmp_path / "taken").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("toy_table-Wyde-market1501", "--to", "new"), "unknown recorded cell 'toy_table-Wyde-market1501'"),
        ((WIDE, "--to", "results"), "--to results: it is there already and not empty; name a new folder"),
        ((WIDE, "--to", "new", "--results", "elsewhere"), "--results elsewhere is not a folder"),
        ((WIDE, "--to", "new", "--data-root", "reports"), "is not under reports"),
    ],
)
def test_what_cannot_be_exported_gets_one_sentence_and_exit_code_2(trained, capsys, tmp_path, arguments, said):
    assert main(["export", *arguments]) == 2
    assert said in sentence(capsys)
    assert not (tmp_path / "new").exists()


def test_importing_the_harness_imports_no_torch():
    script = "import sys, harness; print(callable(harness.load), 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def test_the_card_has_figures_with_interval_verdict_terms_of_the_data_and_receipt(exported, trained):
    card, record = (exported / "README.md").read_text(), record_of(trained, "Wide")
    low, high = record["intervals"]["map"]["by_identity"]
    assert f"| mAP | {record['metrics']['map']:.2f} | {low:.2f} to {high:.2f} | 80.25 |" in card
    assert f"**Not comparable with the paper** (Table 1): {'; '.join(record['verdict']['reasons'])}." in card
    assert record["receipt"]["command"] in card and record["receipt"]["weights_sha256"] in card
    assert "Market-1501: It shows real people, and its authors' terms bind" in card and "for research only" in card
    assert "## ONNX" not in card
