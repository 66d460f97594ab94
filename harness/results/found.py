"""The result of a search, as its JSON file has it."""

from __future__ import annotations

from typing import TypedDict


class FoundImage(TypedDict):
    """One gallery image at its rank. ``image`` is its path below the gallery's folder."""

    rank: int
    image: str
    similarity: float


class SearchedQuery(TypedDict):
    """One query image, by its path, and the gallery images most like it, the most similar first."""

    query: str
    found: list[FoundImage]


class SearchResult(TypedDict):
    """A search. ``weights`` is the SHA-256 of the network's weights; similarities are cosines."""

    cell: str
    run: str
    feature: str
    weights: str
    gallery: str
    gallery_images: int
    queries: list[SearchedQuery]
