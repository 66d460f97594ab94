"""A cache of its own for the checks, as the tests have."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path_factory, monkeypatch):
    """No check writes to the user's cache; what one drew or decoded, others may read."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
