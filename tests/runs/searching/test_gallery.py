"""A gallery's features are kept: only what is new or changed is embedded, and by another network everything."""

import os

import numpy as np
import pytest
import torch
from PIL import Image

import harness
from harness.runs.searching.gallery import embedded_gallery
from harness.runs.searching.image_files import image_files
from harness.runs.searching.search import search
from tests.exports import export_toy


@pytest.fixture
def folder(toy_method, tmp_path, monkeypatch):
    """A gallery of five images of noise, one of them in a folder of its own, and files that are none."""
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    gallery = tmp_path / "gallery"
    (gallery / "lobby").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.PNG", "c.png", "lobby/d.png", "e.png")):
        draw(gallery / name, number)
    (gallery / "Thumbs.db").write_text("no image")
    (gallery / ".hidden.png").write_text("no image")
    return gallery


def draw(file, seed):
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 20, 3), np.uint8)).save(file)


def embedded(network, folder):
    """The gallery, and how many images were embedded for it."""
    done = [0]
    gallery = embedded_gallery(
        network, folder, image_files(folder, "--gallery"), None, lambda images, total: done.append(images)
    )
    return gallery, done[-1]


def test_a_gallery_has_the_images_below_its_folder_sorted_with_the_features_that_the_network_gives(folder, tmp_path):
    network = harness.load(export_toy(tmp_path / "taken"), device="cpu")
    gallery, _ = embedded(network, folder)
    assert gallery.names == ["a.png", "b.PNG", "c.png", "e.png", "lobby/d.png"]
    expected = network.embed([folder / name for name in gallery.names])
    torch.testing.assert_close(gallery.features.float(), expected, rtol=0, atol=1e-3)


def test_only_new_and_changed_images_are_embedded_a_second_time(folder, tmp_path):
    network = harness.load(export_toy(tmp_path / "taken"), device="cpu")
    first, count = embedded(network, folder)
    assert count == 5
    again, count = embedded(network, folder)
    assert count == 0 and torch.equal(again.features, first.features)
    draw(folder / "f.png", 9)
    draw(folder / "a.png", 10)
    os.utime(folder / "a.png", ns=(1, 1))
    (folder / "c.png").unlink()
    changed, count = embedded(network, folder)
    assert (count, changed.names) == (2, ["a.png", "b.PNG", "e.png", "f.png", "lobby/d.png"])
    assert torch.equal(changed.features[1], first.features[1])
    torch.testing.assert_close(changed.features[0].float(), network.embed(folder / "a.png")[0], rtol=0, atol=1e-3)


def test_another_network_or_feature_and_a_damaged_cache_embed_everything_anew(folder, tmp_path):
    assert embedded(harness.load(export_toy(tmp_path / "one"), device="cpu"), folder)[1] == 5
    assert embedded(harness.load(export_toy(tmp_path / "two", seed=1), device="cpu"), folder)[1] == 5
    other = harness.load(export_toy(tmp_path / "three", feature="b"), device="cpu")
    assert embedded(other, folder)[1] == 5
    for file in (tmp_path / "cache" / "galleries").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert embedded(other, folder)[1] == 5


def test_the_most_similar_come_first_and_an_image_finds_itself(folder, tmp_path):
    network = harness.load(export_toy(tmp_path / "taken"), device="cpu")
    gallery, _ = embedded(network, folder)
    queries = [folder / "c.png", folder / "lobby" / "d.png"]
    result = search(network.facts, queries, network.embed(queries), gallery, count=9)
    assert [query["found"][0]["image"] for query in result["queries"]] == ["c.png", "lobby/d.png"]
    for query, features in zip(result["queries"], network.embed(queries), strict=True):
        # The same with NumPy, one query at a time.
        cosines = gallery.features.float().numpy() @ features.numpy()
        assert [each["image"] for each in query["found"]] == [gallery.names[row] for row in np.argsort(-cosines)]
        assert [each["similarity"] for each in query["found"]] == pytest.approx(sorted(cosines, reverse=True), abs=1e-4)
        assert [each["rank"] for each in query["found"]] == [1, 2, 3, 4, 5]
