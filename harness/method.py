"""The interface of a method plugin. Importing it needs no torch, so listing and planning stay instant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from harness.errors import BadInput, unknown_name_error
from harness.recipe import Profile, Recipe

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class Paper:
    """The publication whose tables a method reproduces."""

    title: str
    venue: str
    year: int


@dataclass(frozen=True)
class PriorNeeds:
    """Kinds of prior (``parsing``, ``segmentation``, ``keypoints``, ``infrared``) read in training and at inference."""

    training: tuple[str, ...] = ()
    inference: tuple[str, ...] = ()


def _no_priors(switches: Any) -> PriorNeeds:
    return PriorNeeds()


def _never(switches: Any) -> bool:
    return False


@dataclass(frozen=True)
class Method:
    """One plugin: ``methods/<id>/__init__.py`` holds it under the name ``METHOD``.

    ``switches`` is a frozen dataclass whose defaults are the full method. ``build(switches, num_classes, backbone)``
    gives the model, ``recipe(switches, dataset, profile)`` how it is trained on the dataset of that id,
    ``embedding(switches)`` the name of the test feature that a cell with these switches is scored by, or several names
    with ``+`` between them for features side by side, and ``reranked(switches)`` whether by k-reciprocal re-ranking.
    ``attention`` says in a sentence what the maps show that its network draws over images, if it draws any.
    ``test_switches`` names the switches that change only what is read at test: cells that differ in nothing else share
    a run. ``priors(switches)`` says which priors are read.
    """

    id: str
    paper: Paper
    switches: type
    build: Callable[[Any, int, str], ReIDModel]
    recipe: Callable[[Any, str, Profile], Recipe]
    embedding: Callable[[Any], str]
    test_switches: frozenset[str] = frozenset()
    priors: Callable[[Any], PriorNeeds] = _no_priors
    reranked: Callable[[Any], bool] = _never
    attention: str = ""

    def parse(self, values: dict[str, Any], where: str) -> Any:
        """The switches object of a table row.

        Raises BadInput, naming ``where`` the values stand, for a switch the method does not have.
        """
        known = [field.name for field in fields(self.switches)]
        for name in values:
            if name not in known:
                raise BadInput(f"{where}: {unknown_name_error(f'switch of {self.id}', name, known)}")
        try:
            return self.switches(**values)
        except (TypeError, ValueError) as error:
            raise BadInput(f"{where}: {error}") from error
