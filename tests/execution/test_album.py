"""An album is kept per dataset: with images of a real one only on request."""

import pytest

from harness.datasets.market1501 import load
from harness.execution.album import keep_album
from harness.results.album import Album, album_path
from harness.results.store import Store


def kept(dataset, store):
    """The album beside the records."""
    return Album.read(store.path(album_path(dataset.passport.fingerprint)))


@pytest.fixture
def market(market_root):
    return load(market_root / "Market-1501-v15.09.15")


@pytest.mark.parametrize("asked", [False, True])
def test_images_of_a_real_dataset_are_kept_only_when_asked(market, tmp_path, asked):
    store = Store(tmp_path / "results")
    keep_album(market, store, images=asked)
    album = kept(market, store)
    assert album.query_names.tolist() == list(market.query.names)
    assert (album.tiles is not None) == asked
    assert album.facts == {}


def test_images_asked_for_later_are_added(market, tmp_path):
    store = Store(tmp_path / "results")
    keep_album(market, store, images=False)
    keep_album(market, store, images=True)
    keep_album(market, store, images=False)
    assert len(kept(market, store).tiles) == len(market.query) + len(market.gallery)
