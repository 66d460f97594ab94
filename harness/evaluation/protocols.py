"""Protocols: which gallery images are matches of a query, and which are left out of its ranking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput, unknown_name_error
from harness.evaluation.galleries import Draw, Labels, one_image_per_camera


@dataclass(frozen=True)
class Protocol:
    """How query and gallery become a ranking.

    Identities without a query, such as Market-1501's distractors of id 0, need no rule: they are ranked, as negatives.

    Attributes:
        id: Name of the protocol.
        same_camera_junk: Leave gallery images of the query's identity and camera out of its ranking.
        junk_identity: Leave gallery images of this identity out of every ranking.
        pooled_queries: A query is the mean over all images of its person in its camera
            (``harness.evaluation.multi_query``).
        gallery_cameras: Leave gallery images of other cameras out of every ranking.
        unseen_cameras: Pairs (query camera, gallery camera): leave all images of the gallery camera, of any identity,
            out of the rankings of the query camera.
        draw: Draws the galleries of several trials (``harness.evaluation.galleries``). Their figures are averaged.
        identity_cmc: CMC counts distinct identities, not images. Average precision counts images in both cases.
        single_shot: The gallery must hold one image per person.
    """

    id: str
    same_camera_junk: bool = True
    junk_identity: int | None = -1
    pooled_queries: bool = False
    gallery_cameras: tuple[int, ...] | None = None
    unseen_cameras: tuple[tuple[int, int], ...] = ()
    draw: Draw | None = None
    identity_cmc: bool = False
    single_shot: bool = False

    @property
    def reads_cameras(self) -> bool:
        """Whether the protocol needs camera numbers."""
        by_camera = self.gallery_cameras is not None or bool(self.unseen_cameras)
        return self.same_camera_junk or by_camera or self.draw is not None

    def left_out(self, gallery_ids: Labels, gallery_cams: Labels) -> NDArray[np.bool_]:
        """The gallery images that no query ever ranks (G,)."""
        out = np.zeros(len(gallery_ids), bool)
        if self.junk_identity is not None:
            out |= gallery_ids == self.junk_identity
        if self.gallery_cameras is not None:
            out |= ~np.isin(gallery_cams, self.gallery_cameras)
        return out


_SYSU = Protocol(
    # A query of camera 3 ranks no image of camera 2: both cameras show the same room (Wu et al., "RGB-Infrared
    # Cross-Modality Person Re-Identification", ICCV 2017, and the owners' evaluation code).
    "sysu_all",
    same_camera_junk=False,
    junk_identity=None,
    gallery_cameras=(1, 2, 4, 5),
    unseen_cameras=((3, 2),),
    draw=one_image_per_camera,
    identity_cmc=True,
)

PROTOCOLS: dict[str, Protocol] = {
    protocol.id: protocol
    for protocol in (
        # Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015, Sec. 3 and its evaluation code.
        # The same rule scores DukeMTMC-reID, CUHK03-NP, MSMT17 and Occluded-Duke, and a model on a dataset that it was
        # not trained on.
        Protocol("market1501"),
        Protocol("market1501_multi_query", pooled_queries=True),
        # Li et al., "DeepReID", CVPR 2014: a query of one camera searches a gallery with one image per person from the
        # other camera.
        Protocol(
            "cuhk03_single_gallery_shot",
            same_camera_junk=False,
            junk_identity=None,
            unseen_cameras=((1, 1), (2, 2)),
            draw=one_image_per_camera,
        ),
        # Occluded-REID (Zhuo et al., ICME 2018) and Partial-REID (Zheng et al., ICCV 2015) have no camera numbers:
        # every gallery image is ranked.
        Protocol("without_cameras", same_camera_junk=False, junk_identity=None),
        # Partial-iLIDS: one whole image for each of the 119 people (He et al., CVPR 2018).
        Protocol("partial_single_shot", same_camera_junk=False, junk_identity=None, single_shot=True),
        _SYSU,
        replace(_SYSU, id="sysu_indoor", gallery_cameras=(1, 2)),
        # Nguyen et al., Sensors 2017; Ye et al., AAAI 2018: all images of the other modality are ranked.
        Protocol("regdb", same_camera_junk=False, junk_identity=None),
    )
}


def protocol_named(protocol: str | Protocol) -> Protocol:
    """The protocol with that id; a Protocol is returned as it is. Raises BadInput, offering the nearest ids."""
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise unknown_name_error("protocol", protocol, PROTOCOLS)
    return PROTOCOLS[protocol]


@dataclass(frozen=True, eq=False)
class RowLists:
    """A list of gallery rows per query: query q has ``rows[offsets[q]:offsets[q + 1]]``, ascending."""

    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]

    def __getitem__(self, query: int) -> NDArray[np.int64]:
        return self.rows[self.offsets[query] : self.offsets[query + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of rows per query (Q,)."""
        return np.diff(self.offsets)


@dataclass(frozen=True, eq=False)
class Relevance:
    """Gallery rows by their role under a protocol.

    ``matches``: rows that a query should find. ``junk``: rows left out of the ranking of a query. ``junk_for_all``:
    rows left out of every ranking. All other gallery rows are negatives.
    """

    matches: RowLists
    junk: RowLists
    junk_for_all: NDArray[np.int64]


def relevance(
    query_ids: Labels, query_cams: Labels, gallery_ids: Labels, gallery_cams: Labels, protocol: str | Protocol
) -> Relevance:
    """Find the matches and junk of every query.

    Args:
        query_ids: Identities of the queries (Q,).
        query_cams: Cameras of the queries (Q,).
        gallery_ids: Identities of the gallery images (G,).
        gallery_cams: Cameras of the gallery images (G,).
        protocol: The protocol or its id.
    """
    rule = protocol_named(protocol)
    left_out = rule.left_out(gallery_ids, gallery_cams)
    of_query, rows = _same_identity_pairs(query_ids, gallery_ids)
    ranked = ~left_out[rows]
    of_query, rows = of_query[ranked], rows[ranked]
    own_camera = query_cams[of_query] == gallery_cams[rows]
    junk = own_camera if rule.same_camera_junk else np.zeros(len(rows), bool)
    unseen = np.zeros(len(rows), bool)
    for query_camera, gallery_camera in rule.unseen_cameras:
        unseen |= (query_cams[of_query] == query_camera) & (gallery_cams[rows] == gallery_camera)
    matches, junk = ~junk & ~unseen, junk & ~unseen
    junk_pairs = [(of_query[junk], rows[junk]), *_unseen_pairs(query_cams, gallery_cams, left_out, rule)]
    return Relevance(
        _row_lists(of_query[matches], rows[matches], len(query_ids)),
        _row_lists(*_sorted_pairs(junk_pairs), len(query_ids)),
        np.flatnonzero(left_out),
    )


def _unseen_pairs(
    query_cams: Labels, gallery_cams: Labels, left_out: NDArray[np.bool_], rule: Protocol
) -> Iterator[tuple[Labels, Labels]]:
    """Pairs (query row, gallery row) of cameras that are not compared, without images that no query ranks."""
    for query_camera, gallery_camera in rule.unseen_cameras:
        queries = np.flatnonzero(query_cams == query_camera)
        rows = np.flatnonzero((gallery_cams == gallery_camera) & ~left_out)
        yield np.repeat(queries, len(rows)), np.tile(rows, len(queries))


def _sorted_pairs(pairs: Sequence[tuple[Labels, Labels]]) -> tuple[Labels, Labels]:
    """All pairs in one list, by query, then by gallery row."""
    of_query, rows = (np.concatenate(part) for part in zip(*pairs, strict=True))
    order = np.lexsort((rows, of_query))
    return of_query[order], rows[order]


def _same_identity_pairs(query_ids: Labels, gallery_ids: Labels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """All pairs (query row, gallery row) with equal identities, ordered by query, then by gallery row."""
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
ONLY_UNSEEN = "only images in the gallery that the protocol does not compare it with"


def queries_without_match(
    query_ids: Labels, query_cams: Labels, gallery_ids: Labels, gallery_cams: Labels, protocol: str | Protocol
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Find the queries without a match. They count in no metric.

    Args:
        query_ids: Identities of the queries (Q,).
        query_cams: Cameras of the queries (Q,).
        gallery_ids: Identities of the gallery images (G,).
        gallery_cams: Cameras of the gallery images (G,).
        protocol: The protocol or its id.

    Returns:
        The rows of these queries, and the reason for each.
    """
    rule = protocol_named(protocol)
    found = relevance(query_ids, query_cams, gallery_ids, gallery_cams, rule)
    queries = np.flatnonzero(found.matches.lengths == 0)
    in_gallery = np.isin(query_ids[queries], gallery_ids[~rule.left_out(gallery_ids, gallery_cams)])
    why_not_seen = ONLY_SAME_CAMERA if rule.same_camera_junk else ONLY_UNSEEN
    return queries, tuple(why_not_seen if inside else NOT_IN_GALLERY for inside in in_gallery)


def describe_queries_without_match(names: Sequence[str], queries: NDArray[np.int64], reasons: Sequence[str]) -> str:
    """One clause for a report: the number of queries without a match, and the first three names with their reasons."""
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
    """Check that the labels fit the protocol, and count the queries without a match.

    Args:
        names: Names of the queries (Q,), for the message.
        query_ids: Identities of the queries (Q,).
        query_cams: Cameras of the queries (Q,).
        gallery_ids: Identities of the gallery images (G,).
        gallery_cams: Cameras of the gallery images (G,).
        protocol: The protocol or its id.

    Returns:
        The number of queries without a match.

    Raises:
        BadInput: No query has a match, camera numbers are missing, or a single-shot gallery holds several images of one
            person.
    """
    rule = protocol_named(protocol)
    _check_cameras(query_cams, gallery_cams, rule)
    _check_single_shot(gallery_ids, rule)
    queries, reasons = queries_without_match(query_ids, query_cams, gallery_ids, gallery_cams, rule)
    if len(queries) == len(names):
        raise BadInput(
            f"{describe_queries_without_match(names, queries, reasons)}; check that query and gallery come from the "
            "same dataset and that their identities and cameras are read correctly"
        )
    return len(queries)


def _check_cameras(query_cams: Labels, gallery_cams: Labels, rule: Protocol) -> None:
    if not rule.reads_cameras:
        return
    fix = "give every image its camera, from 1, or score with the protocol 'without_cameras'"
    negative = np.count_nonzero(query_cams < 0) + np.count_nonzero(gallery_cams < 0)
    if negative:
        raise BadInput(
            f"{negative} image(s) have a negative camera number, which protocol {rule.id!r} cannot use; {fix}"
        )
    if not query_cams.any() and not gallery_cams.any():
        raise BadInput(f"no image has a camera (all numbers are 0), but protocol {rule.id!r} compares cameras; {fix}")
    cameras = rule.gallery_cameras
    if cameras is not None and not np.isin(gallery_cams, cameras).any():
        raise BadInput(
            f"protocol {rule.id!r} ranks gallery images of the cameras {', '.join(map(str, cameras))}, and the gallery "
            "holds none; give the cameras of SYSU-MM01 as its folders number them"
        )


def _check_single_shot(gallery_ids: Labels, rule: Protocol) -> None:
    identities, counts = np.unique(gallery_ids, return_counts=True)
    if rule.single_shot and counts.max() > 1:
        most = int(np.argmax(counts))
        raise BadInput(
            f"protocol {rule.id!r} ranks one image per person, and the gallery holds {counts[most]} of person "
            f"{identities[most]}; keep one per person, or score with the protocol 'without_cameras'"
        )
