"""Settings of one's own (``--set recipe.epochs=20``): parse them, apply them, and hand them on to a start.

A value is converted by the type of the dataclass field that it is for. ``none`` leaves a part out, ``[1, 2]`` is a list
of numbers, and several values with commas between them are tried one after another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Any

import yaml

from harness.cell import Setting, Settings
from harness.errors import BadInput, unknown_name_error
from harness.method import Method
from harness.models.catalogue import NetworkSpec, trunk_spec
from harness.models.networks import require_network
from harness.plan.setting_values import as_text, converted, part_type, type_hints
from harness.recipe import Initialisation, Profile, Recipe

SWITCHES, RECIPE = "switches.", "recipe."
BACKBONE, HEIGHT, WIDTH, START = "recipe.backbone", "recipe.height", "recipe.width", "recipe.initialisation.kind"
HANDED_ON = (BACKBONE, HEIGHT, WIDTH)
"""Settings that the run a start comes from takes too: its trunk must fit. All others are for the row's own run."""
POSITIVE = ("epochs", "height", "width")
"""Numbers of a recipe that cannot be 0."""


def combinations(given: Sequence[str]) -> list[Settings]:
    """Every combination of the values in ``NAME=VALUE[,VALUE...]``, as written; one without settings if none are given.

    Raises BadInput for a text of another form, and for a name that is given twice.
    """
    values: dict[str, list[str]] = {}
    for text in given:
        name, equals, written = text.partition("=")
        if not (name and equals and written):
            raise BadInput(f"--set {text!r} is no setting; write NAME=VALUE, such as recipe.epochs=20")
        if name in values:
            raise BadInput(f"--set {name} is given twice; write its values with commas between them")
        values[name] = [as_text(each) for each in _parsed(text, written)]
    names = sorted(values)
    return [
        tuple(Setting(name, value) for name, value in zip(names, chosen, strict=True))
        for chosen in product(*(values[name] for name in names))
    ]


def _parsed(text: str, written: str) -> list[Any]:
    try:
        found: list[Any] = yaml.load(f"[{written}]", yaml.BaseLoader)
    except yaml.YAMLError as error:
        raise BadInput(f"--set {text!r} cannot be read; write a list as [1, 2]") from error
    if not found:
        raise BadInput(f"--set {text!r} has no value; write NAME=VALUE, such as recipe.epochs=20")
    return found


def accepts(method: Method, settings: Settings) -> bool:
    """Whether a method has every switch that is set."""
    known = {field.name for field in fields(method.switches)}
    return all(each.name.removeprefix(SWITCHES) in known for each in settings if each.name.startswith(SWITCHES))


def unknown_switch(methods: Iterable[Method], settings: Settings) -> BadInput:
    """The error for settings that no chosen row accepts, with the nearest switch."""
    known = [f"{SWITCHES}{field.name}" for method in methods for field in fields(method.switches)]
    name = next(each.name for each in settings if each.name.startswith(SWITCHES) and each.name not in known)
    return BadInput(f"--set: {unknown_name_error('setting', name, known)}")


@dataclass(frozen=True)
class Training:
    """The switches and the recipe of a row after its settings, and the settings that changed something."""

    switches: Any
    recipe: Recipe
    settings: Settings


def applied(method: Method, switches: Any, dataset: str, profile: Profile, settings: Settings) -> Training:
    """Switches and recipe of a row with settings of one's own.

    A backbone of torchvision or timm brings the image size that the catalogue has for it, at any profile but ``paper``,
    and starts from its published weights. Settings that say the same as table and recipe are left out.

    Args:
        method: The method of the row.
        switches: Its switches, as the table has them.
        dataset: Id of the dataset to train on.
        profile: The profile.
        settings: The settings, by name.

    Raises:
        BadInput: A name is unknown, or a value is of another type than its field.
    """
    checked = [canonical(method, setting) for setting in settings]
    changed: list[Setting] = []
    for setting in checked:
        if setting.name.startswith(SWITCHES):
            before = switches
            switches = _with_switch(method, switches, setting)
            changed += [setting] if switches != before else []
    recipe = _recipe(method, switches, dataset, profile)
    for setting in checked:
        if setting.name.startswith(RECIPE):
            before = recipe
            recipe = _with(recipe, setting.name.removeprefix(RECIPE).split("."), setting)
            changed += [setting] if recipe != before else []
    names = {setting.name for setting in checked}
    _require_usable(recipe)
    if BACKBONE in {setting.name for setting in changed}:
        recipe = _for_trunk(recipe, method.recipe(switches, dataset, "paper"), profile, names)
    return Training(switches, recipe, tuple(changed))


def canonical(method: Method, setting: Setting) -> Setting:
    """The setting with its value as its type writes it: 1e-3 and 0.001 make one cell.

    Raises BadInput for an unknown name and for a value of another type.
    """
    names = dict(_names(method))
    if setting.name not in names:
        raise BadInput(f"--set: {unknown_name_error('setting', setting.name, names)}")
    return Setting(setting.name, as_text(_value(setting, names[setting.name])))


def handed_on(settings: Settings) -> Settings:
    """The settings that the run a start comes from takes too."""
    return tuple(setting for setting in settings if setting.name in HANDED_ON)


def starting_from_file(recipe: Recipe, printed: Recipe) -> Recipe:
    """A recipe whose trunk starts from a file of weights instead of published ones, or of the trunk in their stead.

    A recipe that starts from another run as its paper does goes on doing so; the file is for that run.
    """
    if recipe.initialisation.kind == "run" and printed.initialisation.kind == "run":
        return recipe
    if recipe.initialisation.part == "model":
        return recipe
    return replace(recipe, initialisation=Initialisation("file"))


def _recipe(method: Method, switches: Any, dataset: str, profile: Profile) -> Recipe:
    """The method's recipe. Raises BadInput for a profile that it has none for: a user's method may lack one."""
    try:
        return method.recipe(switches, dataset, profile)
    except KeyError as error:
        if error.args != (profile,):
            raise
        raise BadInput(
            f"method {method.id} has no recipe for --profile {profile}; add it to EFFORT in its recipe.py, or take "
            "another profile"
        ) from error


def _for_trunk(recipe: Recipe, printed: Recipe, profile: Profile, names: set[str]) -> Recipe:
    """Size and start of a recipe that takes a network of torchvision or timm instead of its own trunk."""
    spec = trunk_spec(recipe.backbone)
    if not isinstance(spec, NetworkSpec):
        return recipe
    require_network(spec)
    if spec.input_size and profile != "paper" and not {HEIGHT, WIDTH} & names:
        recipe = replace(recipe, height=spec.input_size[0], width=spec.input_size[1])
    if START not in names:
        start = starting_from_file(recipe, printed).initialisation
        recipe = replace(recipe, initialisation=Initialisation("imagenet") if start.kind == "file" else start)
    return recipe


def _with_switch(method: Method, switches: Any, setting: Setting) -> Any:
    name = setting.name.removeprefix(SWITCHES)
    values = {field.name: getattr(switches, field.name) for field in fields(switches)}
    values[name] = _value(setting, type_hints(method.switches)[name])
    return method.parse(values, f"--set {setting.name}={setting.value}")


def _with(part: Any, path: Sequence[str], setting: Setting) -> Any:
    """A part of a recipe with one of its fields set; a part that is left out so far is put in with its defaults."""
    name, below = path[0], path[1:]
    hint = type_hints(part.__class__)[name]
    if not below:
        return replace(part, **{name: _value(setting, hint)})
    kind, inner = part_type(hint), getattr(part, name)
    assert kind is not None
    try:
        inner = kind() if inner is None else inner
    except TypeError as error:
        raise BadInput(f"--set {setting.name}: this recipe has no {name}, and {name} has no defaults") from error
    return replace(part, **{name: _with(inner, below, setting)})


def _value(setting: Setting, hint: Any) -> Any:
    try:
        return converted(_parsed(setting.value, setting.value)[0], hint)
    except ValueError as error:
        raise BadInput(f"--set {setting.name}={setting.value}: {error}") from error


def _names(method: Method) -> Iterator[tuple[str, Any]]:
    """Name and type of everything that can be set for a method."""
    yield from ((f"{SWITCHES}{name}", hint) for name, hint in type_hints(method.switches).items())
    yield from _names_below(Recipe, RECIPE)


def _names_below(kind: type, prefix: str) -> Iterator[tuple[str, Any]]:
    for name, hint in type_hints(kind).items():
        yield f"{prefix}{name}", hint
        below = part_type(hint)
        if below is not None:
            yield from _names_below(below, f"{prefix}{name}.")


def _require_usable(recipe: Recipe) -> None:
    """Raise BadInput for a recipe that could not train, or that only an option of its own can ask for."""
    zero = [name for name in POSITIVE if not getattr(recipe, name)]
    if zero:
        raise BadInput(f"--set recipe.{zero[0]}=0: give 1 or more")
    start = recipe.initialisation
    if start.kind == "run" and start.method is None:
        raise BadInput(f"--set {START}=run: this recipe names no run to start from; leave it out or set another start")
