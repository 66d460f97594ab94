"""``reid-tables search``: a page and a JSON file of what looks most like a query, and what it refuses."""

import json

import numpy as np
import pytest
from PIL import Image

from harness.commands.main import main
from tests.exports import export_toy

HOSTILE = "<img src=x onerror=alert(1)>.png"


@pytest.fixture
def place(toy_method, tmp_path, monkeypatch):
    """The current folder: an exported toy, a gallery of four images, two queries, an empty folder, a broken image."""
    monkeypatch.chdir(tmp_path)
    for folder, names in {"gallery": ("a.png", "b.png", "c.png", HOSTILE), "queries": ("q.png", "r.png")}.items():
        (tmp_path / folder).mkdir()
        for name in names:
            pixels = np.random.default_rng(len(name)).integers(0, 256, (128, 64, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "notes.png").write_text("no image")
    export_toy(tmp_path / "taken")
    return tmp_path


def test_a_search_writes_an_offline_page_with_a_strip_per_query_and_the_same_as_json(place, capsys):
    assert main(["search", "queries", "--gallery", "gallery", "--model", "taken", "--top", "3", "--to", "out"]) == 0
    assert "found: out/search.html" in capsys.readouterr().out
    page = (place / "out" / "search.html").read_text()
    result = json.loads((place / "out" / "search.json").read_text())
    assert [query["query"] for query in result["queries"]] == ["queries/q.png", "queries/r.png"]
    assert [len(query["found"]) for query in result["queries"]] == [3, 3]
    assert result["gallery_images"] == 4
    assert page.count('<figure class="strip">') == 2 and page.count("data:image/webp;base64,") == 2
    assert "2 queries in 4 images" in page
    assert "<img" not in page and "http://" not in page and "https://" not in page
    assert len(page) < 60_000


def test_one_image_is_a_query_and_its_result_can_be_printed(place, capsys):
    assert main(["search", "gallery/b.png", "--gallery", "gallery", "--model", "taken", "--json"]) == 0
    (query,) = json.loads(capsys.readouterr().out)["queries"]
    assert len(query["found"]) == 4 and query["found"][0]["similarity"] == pytest.approx(1, abs=1e-3)


def test_names_are_escaped_on_the_page(place):
    assert main(["search", "queries", "--gallery", "gallery", "--model", "taken", "--top", "4"]) == 0
    page = (place / "search" / "search.html").read_text()
    assert HOSTILE not in page and "&lt;img src=x onerror=alert(1)&gt;.png" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("absent.png", "--gallery", "gallery"), "there is no image or folder absent.png; correct its path"),
        (("broken/notes.png", "--gallery", "gallery"), "1 file is no image of 8 bits per channel that can be decoded:"),
        (("queries", "--gallery", "broken"), "1 file is no image of 8 bits per channel that can be decoded: broken/"),
        (("queries", "--gallery", "empty"), "--gallery empty holds no image; put files that end in .jpg, .jpeg, .png"),
        (("empty", "--gallery", "gallery"), "the queries' folder empty holds no image"),
        (("queries", "--gallery", "nowhere"), "--gallery nowhere is not a folder; name the folder that holds the"),
        (("queries", "--gallery", "gallery", "--top", "0"), "--top 0: find 1 image or more"),
        (("queries", "--gallery", "gallery", "--infrared", "query"), "--infrared: toy embeds visible and infrared"),
        (("queries", "--gallery", "gallery", "--model", "empty"), "empty is no exported folder, it lacks embedding"),
        (("queries", "--gallery", "gallery", "--model", "toy-Wide"), "--results results is not a folder"),
        (("queries", "--gallery", "gallery", "--to", "queries/q.png"), "choose another folder with --to"),
    ],
)
def test_what_cannot_be_searched_gets_one_sentence_and_exit_code_2(place, capsys, arguments, said):
    model = () if "--model" in arguments else ("--model", "taken")
    assert main(["search", *arguments, *model]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and said in error
