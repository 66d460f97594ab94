"""Protocols: which gallery images count as matches of a query, and which it never sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput, unknown

Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Protocol:
    """How query and gallery become a ranking.

    ``same_camera_junk``: gallery images of the query's identity taken by the query's camera are left out of its
    ranking. ``junk_identity``: gallery images of this identity are left out of every ranking. ``pooled_queries``: a
    query is the mean of its identity's images in its camera (``harness.evaluation.multi_query``). Identities that no
    query has, such as Market-1501's distractors of id 0, need no rule: they are ranked, as negatives.
    """

    id: str
    same_camera_junk: bool = True
    junk_identity: int | None = -1
    pooled_queries: bool = False


PROTOCOLS: dict[str, Protocol] = {
    protocol.id: protocol
    for protocol in (
        # Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, Sec. 3 and its evaluation code.
        # DukeMTMC-reID, CUHK03-NP, MSMT17 and Occluded-Duke are scored by the same rule.
        Protocol("market1501"),
        Protocol("market1501_multi_query", pooled_queries=True),
    )
}


def protocol_named(protocol: str | Protocol) -> Protocol:
    """The protocol of that id (a Protocol is its own). Raises BadInput, offering the nearest ids."""
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise unknown("protocol", protocol, PROTOCOLS)
    return PROTOCOLS[protocol]


@dataclass(frozen=True, eq=False)
class RowLists:
    """A list of gallery rows for each query: those of query q are ``rows[offsets[q]:offsets[q + 1]]``, ascending."""

    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def __getitem__(self, query: int) -> NDArray[np.int64]:
        return self.rows[self.offsets[query] : self.offsets[query + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many rows each query has (Q,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True, eq=False)
class Relevance:
    """What a protocol makes of query and gallery labels.

    ``matches`` are the rows that a query should find. ``junk`` are the rows left out of this query's ranking,
    ``junk_for_all`` those left out of every ranking. All other gallery rows are negatives.
    """

    matches: RowLists
    junk: RowLists
    junk_for_all: NDArray[np.int64]


def relevance(
    query_ids: Labels, query_cams: Labels, gallery_ids: Labels, gallery_cams: Labels, protocol: str | Protocol
) -> Relevance:
    """The matches and junk of every query, from identities and cameras of query (Q,) and gallery (G,)."""
    rule = protocol_named(protocol)
    junk_for_all = (
        np.flatnonzero(gallery_ids == rule.junk_identity) if rule.junk_identity is not None else np.zeros(0, int)
    )
    of_query, rows = _same_identity(query_ids, gallery_ids)
    ranked = np.ones(len(rows), bool) if rule.junk_identity is None else gallery_ids[rows] != rule.junk_identity
    same_camera = query_cams[of_query] == gallery_cams[rows]
    junk = ranked & same_camera if rule.same_camera_junk else np.zeros(len(rows), bool)
    matches = ranked & ~junk
    return Relevance(
        _row_lists(of_query[matches], rows[matches], len(query_ids)),
        _row_lists(of_query[junk], rows[junk], len(query_ids)),
        junk_for_all,
    )


def _same_identity(query_ids: Labels, gallery_ids: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs (query row, gallery row) of one identity, ordered by query, then by gallery row."""
    by_identity = np.argsort(gallery_ids, kind="stable")
    ordered = gallery_ids[by_identity]
    first = np.searchsorted(ordered, query_ids, side="left")
    counts = np.searchsorted(ordered, query_ids, side="right") - first
    of_query = np.repeat(np.arange(len(query_ids)), counts)
    within = np.arange(len(of_query)) - np.repeat(np.cumsum(counts) - counts, counts)
    return of_query, by_identity[np.repeat(first, counts) + within]


def _row_lists(of_query: NDArray[np.int64], rows: NDArray[np.int64], queries: int) -> RowLists:
    offsets = np.zeros(queries + 1, np.int64)
    np.cumsum(np.bincount(of_query, minlength=queries), out=offsets[1:])
    return RowLists(rows, offsets)


NOT_IN_GALLERY = "identity not in the gallery"
ONLY_SAME_CAMERA = "only same-camera images in the gallery"


def unmatched_queries(
    query_ids: Labels, query_cams: Labels, gallery_ids: Labels, gallery_cams: Labels, protocol: str | Protocol
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Rows of the queries that have nothing to find, and the reason of each. They count in no metric."""
    found = relevance(query_ids, query_cams, gallery_ids, gallery_cams, protocol)
    queries = np.flatnonzero(found.matches.lengths == 0)
    return queries, tuple(ONLY_SAME_CAMERA if found.junk.lengths[query] else NOT_IN_GALLERY for query in queries)


def describe_unmatched(names: Sequence[str], queries: NDArray[np.int64], reasons: Sequence[str]) -> str:
    """One clause for a report: how many queries have no match, and the first three ``names`` with their reasons."""
    shown = ", ".join(f"{names[query]} ({reason})" for query, reason in zip(queries[:3], reasons[:3], strict=True))
    more = ", ..." if len(queries) > 3 else ""
    return f"{len(queries)} of {len(names)} queries have no match: {shown}{more}"


def check_queries(
    names: Sequence[str],
    query_ids: Labels,
    query_cams: Labels,
    gallery_ids: Labels,
    gallery_cams: Labels,
    protocol: str | Protocol,
) -> int:
    """How many queries have no match. Raises BadInput when none of them has one, so that nothing could be scored.

    ``names`` (Q,) are what the message calls the queries.
    """
    queries, reasons = unmatched_queries(query_ids, query_cams, gallery_ids, gallery_cams, protocol)
    if len(queries) == len(names):
        raise BadInput(
            f"{describe_unmatched(names, queries, reasons)}; check that query and gallery are of the same dataset and "
            "that their identities and cameras are read right"
        )
    return len(queries)
