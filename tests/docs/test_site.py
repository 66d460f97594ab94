"""The site: built strictly, whole, and from this machine alone."""

import os
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from harness.commands.main import MODULES
from harness.results.frame import records_frame
from tests.docs.pages import ROOT

pytest.importorskip("mkdocs", reason="no MkDocs: pip install -e '.[docs]'")
pytestmark = pytest.mark.slow

LOADED = {"script": "src", "link": "href", "img": "src", "iframe": "src", "source": "src"}
"""What a browser loads by itself, and the attribute that says from where."""


class Loads(HTMLParser):
    """The addresses that a page loads from."""

    def __init__(self):
        super().__init__()
        self.addresses = []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in LOADED and given.get("rel") != "canonical":
            self.addresses.append(given.get(LOADED[tag]) or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        # Both speak of the future of MkDocs only.
        "NO_MKDOCS_2_WARNING": "1",
        "DISABLE_MKDOCS_2_WARNING": "true",
    }
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_no_page_loads_anything_from_outside(site):
    pages = [page for page in site.rglob("*.html") if page.name != "404.html"]
    assert len(pages) > 30
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert loads.addresses
        assert not [address for address in loads.addresses if ":" in address.split("/")[0] or address.startswith("//")]


def test_the_command_line_page_has_every_verb(site):
    page = (site / "reference" / "command-line.html").read_text(encoding="utf-8")
    assert not [verb for verb in MODULES if verb != "dry-run" and f"usage: reid-tables {verb} " not in page]


def test_a_paper_page_has_the_figures_of_its_reference_records(site):
    for method_id, records in records_frame(ROOT / "results" / "reference").groupby("method"):
        page = (site / "papers" / f"{method_id}.html").read_text(encoding="utf-8")
        assert not [figure for figure in records["map"] if f"<td>{figure:.1f} [" not in page]
        assert "<!-- figures" not in page and "--8&lt;--" not in page


def test_the_reference_shows_what_a_plugin_imports(site):
    pages = "".join(page.read_text(encoding="utf-8") for page in (site / "reference").glob("*.html"))
    names = ("harness.method.Method", "harness.recipe.Recipe", "harness.models.reid.ReIDModel")
    names += ("harness.evaluation.scoring.score", "harness.losses.triplet", "harness.training.machine.Machine")
    assert not [name for name in names if f'id="{name}"' not in pages]
