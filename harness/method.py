"""The interface of a method plugin. It imports no torch, so listing stays instant."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from harness.errors import BadInput, unknown_name_error
from harness.models.catalogue import TrunkNeeds
from harness.recipe import Profile, Recipe

if TYPE_CHECKING:
    from harness.models.reid import ReIDModel


@dataclass(frozen=True)
class PriorNeeds:
    """Kinds of prior (``parsing``, ``segmentation``, ``keypoints``, ``infrared``) read in training and at inference."""

    training: tuple[str, ...] = ()
    inference: tuple[str, ...] = ()


def _the_feature(switches: Any) -> str:
    return "feature"


def _no_priors(switches: Any) -> PriorNeeds:
    return PriorNeeds()


def _whole_trunk(switches: Any) -> TrunkNeeds:
    return TrunkNeeds()


def _never(switches: Any) -> bool:
    return False


@dataclass(frozen=True)
class Method:
    """One plugin. ``methods/<id>/__init__.py`` names it ``METHOD``."""

    id: str
    """The name of the plugin's folder, or of its entry point."""
    switches: type
    """A frozen dataclass; its defaults are the full method (``harness/switches.py``)."""
    model: str
    """``"package.module:Class"``, imported when a model is built and called with (switches, identities, backbone)."""
    recipe: Callable[[Any, str, Profile], Recipe]
    """(switches, dataset id, profile) -> how the method is trained on that dataset."""
    embedding: Callable[[Any], str] = _the_feature
    """Switches -> name of the ranked test feature. ``a+b`` concatenates the features a and b."""
    test_switches: frozenset[str] = frozenset()
    """Switches that only the test reads. Cells that differ only in these share a run."""
    priors: Callable[[Any], PriorNeeds] = _no_priors
    """Switches -> kinds of prior that the method reads."""
    reranked: Callable[[Any], bool] = _never
    """Switches -> whether the ranking is k-reciprocally re-ranked."""
    trunk: Callable[[Any], TrunkNeeds] = _whole_trunk
    """Switches -> the stages that the method must find in its trunk, where it cuts inside it."""
    attention: str = ""
    """A sentence on what the network's attention maps show; empty if it has none."""

    def parse(self, values: dict[str, Any], where: str) -> Any:
        """The switches object of a table row.

        Raises BadInput, naming the place ``where`` the values are written, for an unknown switch and for a bad value.
        """
        known = [field.name for field in fields(self.switches)]
        for name in values:
            if name not in known:
                raise BadInput(f"{where}: {unknown_name_error(f'switch of {self.id}', name, known)}")
        try:
            return self.switches(**values)
        except (TypeError, ValueError) as error:
            raise BadInput(f"{where}: {error}") from error

    @property
    def model_address(self) -> tuple[str, str]:
        """Module and class that ``model`` names. The module is found, but not imported.

        Raises BadInput for a ``model`` of another form, and for a module that does not exist.
        """
        module, _, name = self.model.partition(":")
        if not all(part.isidentifier() for part in (*module.split("."), name)):
            raise BadInput(f"METHOD.model of {self.id} is {self.model!r}; write it as 'package.module:Class'")
        try:
            found = importlib.util.find_spec(module) is not None
        except ModuleNotFoundError:  # A package above the module does not exist.
            found = False
        if not found:
            raise BadInput(f"METHOD.model of {self.id} is {self.model!r}; no module {module} exists, correct its name")
        return module, name

    def build(self, switches: Any, num_classes: int, backbone: str) -> ReIDModel:
        """The network with fresh weights. Torch is imported here, not where METHOD is defined.

        Raises BadInput if ``model`` names no class.
        """
        address, name = self.model_address
        module = importlib.import_module(address)
        model = getattr(module, name, None)
        if not callable(model):
            classes = [each for each, value in vars(module).items() if isinstance(value, type)]
            unknown = unknown_name_error(f"class of {address}", name, classes)
            raise BadInput(f"METHOD.model of {self.id} is {self.model!r}; {unknown}")
        built: ReIDModel = model(switches, num_classes, backbone)
        return built
