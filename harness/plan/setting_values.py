"""Values of settings: from text to the type of a dataclass field, and back."""

from __future__ import annotations

import math
from dataclasses import is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

NONE = "none"
WORDS = {"true": True, "false": False}


@cache
def type_hints(kind: type) -> dict[str, Any]:
    """Type of each field of a dataclass by name."""
    return get_type_hints(kind)


def part_type(hint: Any) -> type | None:
    """The dataclass that a field holds, or may hold; None for a plain value."""
    for each in get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,):
        if isinstance(each, type) and is_dataclass(each):
            return each
    return None


def converted(written: Any, hint: Any) -> Any:
    """A value of the type ``hint``, from text or a list of texts. Raises ValueError, in one sentence, if it is none."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return converted(written, inside[0])
    if origin in (Union, UnionType):
        return _one_of(written, inside)
    if origin is Literal:
        return _choice(written, inside)
    if origin is tuple:
        return _list(written, inside)
    if hint in (bool, int, float, str) and isinstance(written, str):
        return _plain(written, hint)
    if hint in (bool, int, float, str):
        raise ValueError(f"must be one value, not a list; {_wanted(hint)}")
    raise ValueError("is a part with fields of its own; set one of its fields")


def as_text(value: Any) -> str:
    """A value as one writes it in a setting."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(as_text(each) for each in value)}]"
    return str(value)


def _one_of(written: Any, hints: tuple[Any, ...]) -> Any:
    if NoneType in hints and isinstance(written, str) and written.lower() in (NONE, "null"):
        return None
    kinds = [each for each in hints if each is not NoneType]
    reasons = []
    for each in kinds:
        try:
            return converted(written, each)
        except ValueError as error:
            reasons.append(str(error))
    raise ValueError(" or ".join([*reasons, *(["none"] if NoneType in hints else [])]))


def _choice(written: Any, choices: tuple[Any, ...]) -> Any:
    for choice in choices:
        if as_text(choice) == written:
            return choice
    raise ValueError(f"must be one of {', '.join(map(as_text, choices))}, not {as_text(written)!r}")


def _list(written: Any, inside: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(written, list):
        raise ValueError(f"must be a list in brackets, such as [1, 2], not {written!r}")
    if inside[-1] is Ellipsis:
        return tuple(converted(each, inside[0]) for each in written)
    if len(written) != len(inside):
        raise ValueError(f"must be a list of {len(inside)} values, not of {len(written)}")
    return tuple(converted(each, hint) for each, hint in zip(written, inside, strict=True))


def _plain(written: str, kind: type) -> Any:
    if kind is str:
        return written
    try:
        value = WORDS[written.lower()] if kind is bool else kind(written)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{_wanted(kind)}, not {written!r}") from error
    if not 0 <= value < math.inf:
        raise ValueError(f"{_wanted(kind)}, not {written!r}")
    return value


def _wanted(kind: type) -> str:
    described = {bool: "true or false", int: "a whole number, 0 or more", float: "a number, 0 or more", str: "text"}
    return f"must be {described[kind]}"
