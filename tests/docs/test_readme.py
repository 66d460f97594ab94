"""README.md: its figures are those of the reference records, its picture is small, its links lead somewhere."""

import re
import runpy
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.docs.pages import PAGES, ROOT

LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
MOST_BYTES = 200_000
INCLUDED = re.compile(r'--8<-- "([^":]+)')


@pytest.fixture(scope="module")
def figures():
    """The script that writes the tables."""
    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "figures.py")))


def test_the_table_holds_the_figures_of_the_reference_records(figures):
    (shown,) = figures.MARKED.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert shown == figures.front_table(figures.reference_records())
    assert {line.split(" | ")[0] for line in shown.splitlines()[2:]} >= {
        f"| {method_id}" for method_id in ("ddag", "mdpr", "mpn", "pgfl_kd", "rmgl")
    }


def test_the_claims_of_a_table_are_counted_as_they_are_listed(figures):
    records = figures.reference_records()
    outcomes = figures.claims_in_full(records).splitlines()[2:]
    for line in figures.claims_summary(records).splitlines()[2:]:
        method, label, holding, contradicted, undecided, _ = line.strip("| ").split(" | ")
        own = [each for each in outcomes if each.startswith(f"| {method}, {label} |")]
        assert holding == f"{sum('| holds |' in each for each in own)} of {len(own)}"
        assert int(contradicted) == sum("| contradicted |" in each for each in own)
        assert int(undecided) == sum("| undecided |" in each for each in own)
    assert outcomes


def test_the_front_page_counts_the_orderings_of_a_study_as_its_table_does(figures):
    records = figures.reference_records()
    counted = [line.split(" | ") for line in figures.claims_summary(records).splitlines()[2:]]
    of_study = {words[0]: words[2:5] for words in counted if words[1] not in ("Mechanism", "Readings")}
    front = [line.split(" | ") for line in figures.front_table(records).splitlines()[2:]]
    assert {words[0]: words[4:7] for words in front if words[1] == "embedded, converged"} == of_study


def test_every_figure_that_is_not_of_the_printed_recipe_says_that_it_is_not_comparable(figures):
    records = figures.reference_records()
    lines = figures.real_images(records).splitlines()[2:]
    shown = [each for each in records if (each["dataset"], each["profile"]) == figures.REAL]
    assert len(lines) == len(shown)
    for record, line in zip(shown, lines, strict=True):
        assert record["profile"] == "paper" or "not comparable" in line
        assert f"{record['metrics']['map']:.1f} [" in line and f"seed {record['seed']}" in line


def test_each_method_with_a_record_has_its_figures_on_its_page(figures):
    records = figures.reference_records()
    for method_id in {record["method"] for record in records}:
        table = figures.method_tables(method_id, records)
        own = [record for record in records if record["method"] == method_id]
        assert table.count("\n| ") == len(own) + 2 * table.count("(`")
        assert f"<!-- figures of {method_id} -->" in (ROOT / "docs" / "papers" / f"{method_id}.md").read_text()
    assert figures.method_tables("nobody", records) == "No reference record yet.\n"


def test_the_picture_is_small_enough_to_be_kept_in_git():
    (picture,) = re.findall(r"!\[[^\]]*\]\((.*?)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert (ROOT / picture).stat().st_size < MOST_BYTES
    with Image.open(ROOT / picture) as image:
        assert image.width > image.height / 2 > 200


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_of_a_page_leads_to_a_file(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    absent = [link for link in LINK.findall(text) if not ((ROOT / page).parent / link).exists()]
    assert not absent


def test_every_method_has_a_page_that_includes_its_readme():
    from harness.registry import folders

    papers = ROOT / "docs" / "papers"
    included = {page.stem: INCLUDED.findall(page.read_text()) for page in papers.glob("*.md") if page.stem != "index"}
    assert included == {method_id: [f"methods/{method_id}/README.md"] for method_id in folders()}
    index = (papers / "index.md").read_text()
    assert not [method_id for method_id in folders() if f"[`{method_id}`]({method_id}.md)" not in index]
