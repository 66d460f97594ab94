"""Python on the pages runs as it is shown, one block after another, with features as a reader would have."""

import numpy as np
import pytest

from tests.docs.pages import PAGES, ROOT, blocks

NEED_A_TRAINED_CELL = {"docs/how-to/take-a-model-away.md"}
"""Pages whose Python reads what `reid-tables export` has written. It is compiled here and not run."""
SHOWN = {str(page): found for page in PAGES if (found := blocks(page, "python"))}


@pytest.fixture
def features():
    """Features of 20 people in two cameras, with their identities and cameras, by the names of ``features.npz``."""
    rng = np.random.default_rng(0)
    ids = np.arange(1, 21)
    return {
        "query": rng.normal(size=(20, 8)),
        "gallery": rng.normal(size=(20, 8)),
        "query_ids": ids,
        "gallery_ids": ids,
        "query_cams": np.full(20, 1),
        "gallery_cams": np.full(20, 2),
    }


def test_pages_show_python():
    assert SHOWN


@pytest.mark.parametrize("page", SHOWN)
def test_python_on_a_page_runs(page, features, tmp_path, monkeypatch):
    np.savez(tmp_path / "features.npz", **features)
    (tmp_path / "results").symlink_to(ROOT / "results" / "reference")
    monkeypatch.chdir(tmp_path)
    names = dict(features)
    for block in SHOWN[page]:
        code = compile(block, page, "exec")
        if page not in NEED_A_TRAINED_CELL:
            exec(code, names)
