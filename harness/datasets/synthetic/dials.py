"""Dials: an embedded dataset with some of its knobs turned, named by its id: ``synthetic:misalignment=2``."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import Any

from harness.datasets.synthetic.edition import EDITIONS, Difficulty, Edition
from harness.errors import BadInput, unknown_name_error

NUMBER = re.compile(r"\d+(\.\d{1,3})?")
KNOBS = tuple(knob.name for knob in fields(Difficulty))


@dataclass(frozen=True)
class Dialled:
    """An embedded dataset with turned knobs."""

    id: str
    """The canonical id: knobs in the order of ``Difficulty``, numbers as short as possible."""
    knobs: dict[str, float]
    edition: Edition

    @property
    def own_edition(self) -> Edition:
        """The flavour's own edition, with no knob turned."""
        return EDITIONS[self.edition.flavour.id]

    @property
    def turns_training(self) -> bool:
        """Whether the training images differ from those of the flavour's own edition."""
        return self.edition.difficulty_of("train") != self.own_edition.difficulty_of("train")


def is_dialled(dataset_id: str) -> bool:
    """Whether an id names an embedded dataset with turned knobs. The knobs may still be wrong."""
    flavour, colon, _ = dataset_id.partition(":")
    return bool(colon) and flavour in EDITIONS


def dialled(dataset_id: str) -> Dialled:
    """Read ``FLAVOUR:KNOB=NUMBER[,KNOB=NUMBER...]``.

    Where the flavour sets a knob for its queries, the dial turns it for the queries alone (``synthetic_occluded``:
    the share of occluded queries). Everywhere else it turns all images, training images included.

    Raises BadInput for an unknown knob, with the nearest, and for a number out of range.
    """
    flavour, _, text = dataset_id.partition(":")
    given: dict[str, float] = {}
    for setting in text.split(","):
        name, equals, number = setting.partition("=")
        if name not in KNOBS:
            raise BadInput(f"dataset {dataset_id}: {unknown_name_error('knob', name, KNOBS)}")
        if not equals or not NUMBER.fullmatch(number):
            raise BadInput(
                f"dataset {dataset_id}: {setting!r} gives no number of at most three decimals; write {name}=0.5"
            )
        if name in given:
            raise BadInput(f"dataset {dataset_id}: {name} is given twice; keep one")
        given[name] = float(number)
    knobs = {name: given[name] for name in KNOBS if name in given}
    return Dialled(
        f"{flavour}:{','.join(f'{name}={value:g}' for name, value in knobs.items())}",
        knobs,
        _turned(EDITIONS[flavour], knobs, dataset_id),
    )


def _turned(edition: Edition, knobs: dict[str, float], dataset_id: str) -> Edition:
    of_queries = edition.flavour.knobs.get("query", {})
    queries: dict[str, Any] = {name: value for name, value in knobs.items() if name in of_queries}
    everywhere: dict[str, Any] = {
        name: int(value) if name == "wardrobe" and value == int(value) else value
        for name, value in knobs.items()
        if name not in of_queries
    }
    try:
        difficulty = replace(edition.difficulty, **everywhere)
        replace(edition.difficulty, **queries)  # Checks the numbers for the queries.
    except BadInput as error:
        raise BadInput(f"dataset {dataset_id}: {error}") from error
    flavour = edition.flavour
    if queries:
        flavour = replace(flavour, knobs={**flavour.knobs, "query": {**of_queries, **queries}})
    return replace(edition, difficulty=difficulty, flavour=flavour)
