"""The methods: folders under ``methods/`` with a tables.yaml, and installed packages.

Another package registers a method by an entry point of the group ``harness.methods``. The entry point's name is the
method's id; its value is the package that defines ``METHOD`` and has tables.yaml in its folder.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import methods as plugins
from harness.errors import BadInput, unknown_name_error
from harness.method import Method

GROUP = "harness.methods"


@cache
def folders() -> dict[str, Path]:
    """Method id -> plugin folder, sorted by id, built or not. Raises BadInput for an id that is taken twice."""
    found = {path.parent.name: path.parent for root in plugins.__path__ for path in Path(root).glob("*/tables.yaml")}
    for method_id, entry in installed().items():
        if method_id in found:
            raise BadInput(
                f"{_named(entry)}: there is a method {method_id!r} already; give the entry point another name"
            )
        found[method_id] = _folder(entry)
    return dict(sorted(found.items()))


@cache
def installed() -> dict[str, EntryPoint]:
    """Entry points of installed packages by method id. Raises BadInput for an id that two packages claim."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        if found.setdefault(entry.name, entry).value != entry.value:
            raise BadInput(f"{_named(entry)} and {_named(found[entry.name])}: uninstall one of the two packages")
    return found


def packages() -> dict[str, list[str]]:
    """Folders on disk of every top-level package with methods: ``methods``, and installed packages."""
    found = {plugins.__name__: list(plugins.__path__)}
    for entry in installed().values():
        package = entry.module.partition(".")[0]
        found[package] = _search_locations(package)
    return found


def package(method_id: str) -> str:
    """Name of the package that defines METHOD. The method must be among ``folders()``."""
    entry = installed().get(method_id)
    return entry.module if entry else f"{plugins.__name__}.{method_id}"


def is_built(method_id: str) -> bool:
    """Whether the method can run: its folder is a package. Otherwise its tables can only be listed."""
    return (folders()[method_id] / "__init__.py").exists()


@cache
def method(method_id: str) -> Method:
    """The plugin with that id.

    Raises BadInput for an unknown id, for a method that has tables but no code, and for an installed method that cannot
    be imported.
    """
    if method_id not in folders():
        raise unknown_name_error("method", method_id, folders())
    if not is_built(method_id):
        raise BadInput(f"method {method_id!r} is not built yet; its tables can be listed, not run")
    entry = installed().get(method_id)
    # The author of a method in this repository needs the traceback of a failed import.
    with _importing(entry) if entry else nullcontext():
        module = importlib.import_module(package(method_id))
    source = folders()[method_id] / "__init__.py"
    plugin = getattr(module, "METHOD", None)
    if not isinstance(plugin, Method):
        raise BadInput(f"{source}: it defines no METHOD; set METHOD = Method(id={method_id!r}, ...)")
    if plugin.id != method_id:
        raise BadInput(f"{source}: METHOD.id is {plugin.id!r}; it must be {method_id!r}, the name it is registered by")
    return plugin


def methods() -> dict[str, Method]:
    """All built methods by id."""
    return {method_id: method(method_id) for method_id in folders() if is_built(method_id)}


def _folder(entry: EntryPoint) -> Path:
    """The folder of an entry point's package. Only the packages above it are imported."""
    with _importing(entry):
        locations = _search_locations(entry.module)
    for location in map(Path, locations):
        if (location / "tables.yaml").is_file():
            return location
        if (location / location.name / "tables.yaml").is_file():
            raise BadInput(
                f"{_named(entry)}: the folder {location} hides the package {entry.module} inside it, since Python "
                "looks there first; rename that folder, or start from another one"
            )
    raise BadInput(
        f"{_named(entry)}: no package {entry.module} with a tables.yaml in it can be found; install it again, its "
        "tables.yaml among its package data, or uninstall it"
    )


@contextmanager
def _importing(entry: EntryPoint) -> Iterator[None]:
    """Turn any error of the entry point's code into BadInput, naming its package."""
    try:
        yield
    except Exception as error:
        cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise BadInput(
            f"{_named(entry)}: {entry.module} cannot be imported ({cause}); fix the package or uninstall it"
        ) from error


def _search_locations(package: str) -> list[str]:
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError as error:
        if not f"{package}.".startswith(f"{error.name}."):
            raise  # A package above it is there, but one of its own imports is not.
        return []
    return list(spec.submodule_search_locations or []) if spec else []


def _named(entry: EntryPoint) -> str:
    """An entry point, as messages name it."""
    package = entry.dist.name if entry.dist else "an unnamed package"
    return f"entry point {entry.name} = {entry.value} of {package}"
