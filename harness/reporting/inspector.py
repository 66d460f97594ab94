"""Data of the inspector and of the embedding map: the queries of one dataset, and the result of each training on them.

The page's script compares any two trainings. It is given numbers and names, no sentences about results.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from harness.errors import BadInput
from harness.reporting.cells import MeasuredCell
from harness.reporting.embedding_map import MapData, embedding_map, mapped_rows
from harness.reporting.full_method import full_row
from harness.reporting.picture_sheet import Sheet, picture_sheet
from harness.reporting.query_facts import FactData, fact_data
from harness.reporting.tested_queries import TestedQueries, tested_queries
from harness.results.album import Album, album_path
from harness.results.stored import StoredArrays

MOST_LISTED = 500
"""Queries with ranked lists. Of more queries, those are listed on which the trainings differ most."""


class TrainingData(TypedDict):
    """One training. ``ap`` per query in hundredths of a percent, -1 without a match.

    Per listed query: ``top`` holds its nearest images, ``first_rank`` the rank of the first true match, and ``first``
    that match where it lies beyond ``top``; -1 where it is unknown or among them.
    """

    ap: list[int]
    top: list[list[int]]
    first_rank: list[int]
    first: list[int]
    map: MapData


class ChoiceData(TypedDict):
    """What can be compared: a row with all its seeds, or one seed. Lists are those of the first training."""

    name: str
    trainings: list[int]


class ImageData(TypedDict):
    """All queries, then the gallery images that are shown somewhere."""

    names: list[str]
    people: list[int]
    cameras: list[int]


class InspectorData(TypedDict):
    """Everything that the page's script is given for one dataset and profile.

    ``match_cameras`` has, per query, the cameras of its true matches. ``pair`` are the choices that stand first: the
    second is -1 where there is only one. ``mapped`` are the images on the maps. ``sheet`` holds the images in order.
    """

    images: ImageData
    queries: int
    listed: list[int]
    facts: list[FactData]
    match_cameras: list[list[int]]
    trainings: list[TrainingData]
    choices: list[ChoiceData]
    pair: list[int]
    mapped: list[int]
    sheet: Sheet | None


@dataclass(frozen=True)
class Inspector:
    """The inspector of a group. ``data`` is None where no training has kept its ranks; ``remarks`` say why.

    ``trials`` is the number of galleries that are drawn. ``unlisted`` counts queries without ranked lists.
    """

    data: InspectorData | None
    remarks: tuple[str, ...] = ()
    trials: int = 1
    unlisted: int = 0


@dataclass(frozen=True)
class _Training:
    """A record that can be inspected, by its row and seed."""

    cell: MeasuredCell
    seed: int
    fingerprint: str
    tested: TestedQueries


def inspector(done: Sequence[MeasuredCell], stored: StoredArrays, show_images: bool, budget: int) -> Inspector:
    """The inspector of done cells of one group.

    Args:
        done: The cells, in the order of the rows.
        stored: Arrays beside the records.
        show_images: Whether images are shown; otherwise names are.
        budget: Characters that the images may take on the page.
    """
    trainings, remarks = _trainings(done, stored)
    if not trainings:
        return Inspector(None, tuple(remarks))
    first = trainings[0].tested
    try:
        album = Album.read(stored.results / album_path(trainings[0].fingerprint))
    except BadInput as error:
        album = None
        remarks.append(stored.on_page(error))
    if album is not None and (album.query_names.tobytes(), album.gallery_names.tobytes()) != first.names:
        album = None
    data = _data(trainings, album, budget if show_images else 0)
    return Inspector(data, tuple(remarks), first.trials, data["queries"] - len(data["listed"]))


def _trainings(done: Sequence[MeasuredCell], stored: StoredArrays) -> tuple[list[_Training], list[str]]:
    """The trainings tested on the queries of the first one, and a sentence for each of the others."""
    found: list[_Training] = []
    remarks: dict[str, str] = {}
    for cell in done:
        for record in cell.done:
            name = f"{cell.row.key}, seed {record['seed']}"
            try:
                tested = tested_queries(record, stored)
            except BadInput as error:
                remarks[name] = stored.on_page(error)
                continue
            if found and tested.names != found[0].tested.names:
                remarks[name] = f"tested on other images than {found[0].cell.row.key}, seed {found[0].seed}"
                continue
            found.append(_Training(cell, record["seed"], record["receipt"]["passport"]["fingerprint"], tested))
    return found, [f"{name}: {reason}" for name, reason in remarks.items()]


def _data(trainings: Sequence[_Training], album: Album | None, budget: int) -> InspectorData:
    tested = [training.tested for training in trainings]
    labels, queries = tested[0].labels, len(tested[0].average_precision)
    listed = _listed(tested)
    identities = np.concatenate((labels["query_ids"], labels["gallery_ids"])).astype(np.int64)
    mapped = mapped_rows(identities, queries)
    shown = _shown_rows(tested, listed, mapped, queries)
    place = {row: number for number, row in enumerate(shown.tolist())}
    choices = _choices(trainings)
    tiles = album.tiles if album and budget else None
    return {
        "images": _images(labels, identities, shown),
        "queries": queries,
        "listed": listed.tolist(),
        "facts": fact_data(album, labels["query_cams"].astype(np.int64)),
        "match_cameras": [_cameras_of(tested[0], query) for query in range(queries)],
        "trainings": [_training_data(each, listed, mapped, place, queries) for each in tested],
        "choices": choices,
        "pair": _pair(trainings, choices),
        "mapped": [place[row] for row in mapped.tolist()],
        "sheet": picture_sheet(tiles, shown.tolist(), budget) if tiles else None,
    }


def _listed(tested: Sequence[TestedQueries]) -> NDArray[np.int64]:
    """The queries with lists: of too many, those whose average precision differs most, or is lowest of one training."""
    values = np.stack([each.average_precision for each in tested])
    matched = np.flatnonzero(~np.isnan(values[0]))
    values = values[:, matched]
    telling = values.max(axis=0) - values.min(axis=0) if len(tested) > 1 else -values[0]
    return np.sort(matched[np.argsort(-telling, kind="stable")[:MOST_LISTED]])


def _shown_rows(
    tested: Sequence[TestedQueries], listed: NDArray[np.int64], mapped: NDArray[np.int64], queries: int
) -> NDArray[np.int64]:
    """Rows of queries and gallery (Q + G,) that are shown: all queries, and gallery images of some list or map."""
    rows = [np.arange(queries), mapped]
    for each in tested:
        found = np.concatenate((each.top[listed].ravel().astype(np.int64), each.first_row[listed]))
        rows.append(queries + found[found >= 0])
    return np.unique(np.concatenate(rows))


def _images(
    labels: Mapping[str, NDArray[np.generic]], identities: NDArray[np.int64], shown: NDArray[np.int64]
) -> ImageData:
    paths = [str(name) for name in np.concatenate((labels["query_names"], labels["gallery_names"]))[shown]]
    names = [PurePosixPath(path).name for path in paths]
    cameras = np.concatenate((labels["query_cams"], labels["gallery_cams"]))[shown]
    return {
        "names": names if len(set(names)) == len(set(paths)) else paths,
        "people": identities[shown].tolist(),
        "cameras": cameras.tolist(),
    }


def _cameras_of(tested: TestedQueries, query: int) -> list[int]:
    return np.unique(tested.labels["gallery_cams"][tested.matches[query]]).tolist()


def _training_data(
    tested: TestedQueries,
    listed: NDArray[np.int64],
    mapped: NDArray[np.int64],
    place: Mapping[int, int],
    queries: int,
) -> TrainingData:
    percent = np.where(np.isnan(tested.average_precision), -1, np.rint(1e4 * tested.average_precision)).astype(int)
    return {
        "ap": percent.tolist(),
        "top": [[place[queries + row] for row in rows if row >= 0] for rows in tested.top[listed].tolist()],
        "first_rank": tested.first_rank[listed].tolist(),
        "first": [place[queries + row] if row >= 0 else -1 for row in tested.first_row[listed].tolist()],
        "map": embedding_map(tested.features[mapped]),
    }


def _choices(trainings: Sequence[_Training]) -> list[ChoiceData]:
    """Each row with all its seeds, then its seeds one by one where there are several."""
    rows: dict[str, list[int]] = {}
    for number, training in enumerate(trainings):
        rows.setdefault(training.cell.row.key, []).append(number)
    choices: list[ChoiceData] = []
    for row, numbers in rows.items():
        several = len(numbers) > 1
        choices.append({"name": f"{row}, {len(numbers)} seeds" if several else row, "trainings": numbers})
        if several:
            choices += [{"name": f"{row}, seed {trainings[number].seed}", "trainings": [number]} for number in numbers]
    return choices


def _pair(trainings: Sequence[_Training], choices: Sequence[ChoiceData]) -> list[int]:
    """The full method, else the last row, against the first other row."""
    first_of_row = {
        trainings[choice["trainings"][0]].cell.row.key: place for place, choice in reversed([*enumerate(choices)])
    }
    better = full_row([training.cell.row for training in trainings]).key
    others = [row for row in first_of_row if row != better]
    baseline = min((first_of_row[row] for row in others), default=-1)
    return [first_of_row[better], baseline]
