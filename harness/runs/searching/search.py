"""Ranks a gallery for each query, by cosine similarity."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from harness.results.exported import NetworkFacts
from harness.results.found import SearchedQuery, SearchResult
from harness.runs.searching.gallery import Gallery

QUERIES_AT_ONCE = 256
"""A block of queries against 16,000 gallery images takes 16 MB of similarities."""


def search(facts: NetworkFacts, files: Sequence[Path], queries: Tensor, gallery: Gallery, count: int) -> SearchResult:
    """The ``count`` gallery images most like each query.

    Args:
        facts: The network that embedded them.
        files: The query images.
        queries: Their features (Q, D), of length 1.
        gallery: The gallery.
        count: Images to find, or all if the gallery has fewer.
    """
    features, names = gallery.features.float(), gallery.names
    found: list[SearchedQuery] = []
    for start in range(0, len(files), QUERIES_AT_ONCE):
        best = (queries[start : start + QUERIES_AT_ONCE] @ features.T).topk(min(count, len(names)), dim=1)
        for file, similarities, rows in zip(files[start:], best.values.tolist(), best.indices.tolist(), strict=False):
            ranked = enumerate(zip(rows, similarities, strict=True), 1)
            found.append(
                {
                    "query": str(file),
                    "found": [
                        {"rank": rank, "image": names[row], "similarity": round(similarity, 4)}
                        for rank, (row, similarity) in ranked
                    ],
                }
            )
    return {
        "cell": facts["cell"],
        "run": facts["run"],
        "feature": facts["feature"],
        "weights": facts["weights"],
        "gallery": str(gallery.folder),
        "gallery_images": len(names),
        "queries": found,
    }
