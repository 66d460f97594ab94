"""Checks what a JSON file holds against the fields of a TypedDict."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from types import UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict


def missing_field(content: object, kind: Any) -> str | None:
    """Path of the first field of the TypedDict ``kind`` that ``content`` lacks or holds in another type.

    None where the content is whole. A Literal counts as its type: a record of an unknown profile is whole.
    """
    if not isinstance(content, dict):
        return "everything"
    for name, (hint, required) in _fields(kind).items():
        if name in content:
            below = _wrong_below(content[name], hint)
            if below is not None:
                return _joined(name, below)
        elif required:
            return name
    return None


@cache
def _fields(kind: Any) -> dict[str, tuple[Any, bool]]:
    """Type of each field of a TypedDict by name, and whether it is required."""
    # Not ``__required_keys__``: it takes annotations that are text, as all are here, for required.
    marked = get_type_hints(kind, include_extras=True)
    hints = get_type_hints(kind)
    return {name: (hints[name], get_origin(marked[name]) is not NotRequired) for name in sorted(hints)}


def _wrong_below(value: object, hint: Any) -> str | None:
    """Path of the first wrong field below a value; empty where the value itself is of another type."""
    inside = get_args(hint)
    if hint is Any:
        return None
    if is_typeddict(hint):
        return missing_field(value, hint) if isinstance(value, dict) else ""
    match get_origin(hint):
        case origin if origin in (Union, UnionType):
            found = [_wrong_below(value, each) for each in inside]
            return None if None in found else max((each for each in found if each is not None), key=len)
        case origin if origin is Literal:
            return None if isinstance(value, tuple({type(each) for each in inside})) else ""
        case origin if origin is dict:
            return _first_wrong(value.items(), inside[1]) if isinstance(value, dict) else ""
        case origin if origin is list:
            return _first_wrong(enumerate(value), inside[0]) if isinstance(value, list) else ""
    # JSON writes 4.0 as 4.0 or as 4.
    return None if isinstance(value, (int, float) if hint is float else hint) else ""


def _first_wrong(items: Iterable[tuple[object, object]], hint: Any) -> str | None:
    for name, value in items:
        below = _wrong_below(value, hint)
        if below is not None:
            return _joined(name, below)
    return None


def _joined(name: object, below: str) -> str:
    return f"{name}.{below}" if below else str(name)
