"""Which methods there are: the folders under ``methods/`` that hold a tables.yaml."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

import methods as plugins
from harness.errors import BadInput, unknown
from harness.method import Method


@cache
def folders() -> dict[str, Path]:
    """Method id -> plugin folder, sorted by id, built or not."""
    found = {path.parent.name: path.parent for root in plugins.__path__ for path in Path(root).glob("*/tables.yaml")}
    return dict(sorted(found.items()))


def is_built(method_id: str) -> bool:
    """Whether the method can run, not only be listed: its folder is a package."""
    return (folders()[method_id] / "__init__.py").exists()


@cache
def method(method_id: str) -> Method:
    """The plugin of that id. Raises BadInput for an unknown one, or one whose tables are known but not its code."""
    if method_id not in folders():
        raise unknown("method", method_id, folders())
    if not is_built(method_id):
        raise BadInput(f"method {method_id!r} is not built yet; its tables can be listed, not run")
    plugin = importlib.import_module(f"methods.{method_id}").METHOD
    if plugin.id != method_id:
        raise BadInput(f"methods/{method_id}/__init__.py: METHOD.id is {plugin.id!r}; it must be the folder's name")
    return plugin


def methods() -> dict[str, Method]:
    """All built methods by id."""
    return {method_id: method(method_id) for method_id in folders() if is_built(method_id)}
