"""Records with everything that the inspector reads: features, ranks, and an album of small images."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from harness.evaluation.scoring import score
from harness.results.album import Album, Tiles, album_path

PEOPLE, QUERIES, GALLERY = 20, 40, 160
CUT = np.arange(QUERIES) % 4 == 0
"""Queries whose head is cut off: a blurred network misses their person."""
FILE = 'query/{:04d}_c{}s1_<b>&"{:03d}.png'
"""Names of files may hold anything."""


def labels():
    """Two queries and eight gallery images per person, under four cameras."""
    query, gallery = np.arange(QUERIES), np.arange(GALLERY)
    names = [
        np.array([FILE.format(row % PEOPLE, row // PEOPLE + 1, row) for row in range(QUERIES)]),
        np.array([f"bounding_box_test/{row % PEOPLE:04d}_c{row // PEOPLE % 4 + 1}s1_{row:06d}.png" for row in gallery]),
    ]
    return {
        "query_ids": query % PEOPLE + 1,
        "query_cams": query // PEOPLE + 1,
        "query_names": names[0],
        "gallery_ids": gallery % PEOPLE + 1,
        "gallery_cams": gallery // PEOPLE % 4 + 1,
        "gallery_names": names[1],
    }


def keep_queries(results, record, blurred=0.0, noise=0.35, protocol="market1501", seed=0):
    """Features and scores beside a record; ``blurred`` is the extra noise of the queries with a cut head."""
    folder = results / record["evaluation"]
    folder.mkdir(parents=True, exist_ok=True)
    of, generator = labels(), np.random.default_rng(seed)
    people = np.random.default_rng(7).normal(size=(PEOPLE + 1, 16))
    query, gallery = people[of["query_ids"]], people[of["gallery_ids"]]
    query = query + generator.normal(size=query.shape) * (noise + blurred * CUT[:, None])
    gallery = gallery + generator.normal(size=gallery.shape) * noise
    found = query.astype(np.float16), gallery.astype(np.float16)
    whole = [each.astype(np.float32) for each in found]
    numbers = (of["query_ids"], of["gallery_ids"], of["query_cams"], of["gallery_cams"])
    scores = score(*whole, *numbers, protocol)
    np.savez(folder / "scores.npz", **vars(scores), query_ids=of["query_ids"])
    np.savez(folder / "features.npz", query=found[0], gallery=found[1], **of)
    return scores


def keep_album(results, record, images=True, size=(44, 88), noisy=False):
    """The album of a record's dataset: every image is a plain colour, or noise."""
    of, generator = labels(), np.random.default_rng(0)
    files = []
    for person in [*of["query_ids"], *of["gallery_ids"]]:
        buffer = io.BytesIO()
        pixels = generator.integers(0, 255, (*size[::-1], 3), dtype=np.uint8)
        picture = Image.fromarray(pixels) if noisy else Image.new("RGB", size, (10 * int(person), 90, 160))
        picture.save(buffer, "WEBP")
        files.append(buffer.getvalue())
    facts = {"box": np.where(CUT, "head_cut", "good"), "occlusion": np.full(QUERIES, "none")}
    album = Album(of["query_names"], of["gallery_names"], facts, Tiles.of(files) if images else None)
    path = results / album_path(record["receipt"]["passport"]["fingerprint"])
    path.parent.mkdir(parents=True, exist_ok=True)
    album.write(path)
    return path
