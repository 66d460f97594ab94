"""The switches of a method: a frozen dataclass that checks itself. Importing this needs no torch.

Every switches class raises ValueError, in one sentence, for a value or a combination that is no variant of its method.
``Method.parse`` adds the place and raises BadInput. The class calls ``check_values(self)``, which checks each value by
its type. The class itself checks combinations.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class AtLeast:
    """The least value of a whole number, written in its type: ``k: Annotated[int, AtLeast(1)]``."""

    value: int


def check_values(switches: Any) -> None:
    """Check each switch of a frozen dataclass by its type. The method checks tuples.

    ``bool``
        true or false.
    ``Literal[...]``
        one of these.
    ``int``
        a whole number, 0 or more; ``Annotated[int, AtLeast(1)]``: 1 or more.
    ``float``
        a finite number, 0 or more; ``float | Literal["soft"]``: or one of these words. It is stored as a float, because
        switches name runs, and 0, 0.0 and -0.0 must name one run.

    Raises ValueError, in one sentence, for any other value.
    """
    for name, hint in _types(switches.__class__).items():
        limits = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        kind = get_args(hint)[0] if limits else hint
        value = getattr(switches, name)
        if kind is bool:
            _check_bool(name, value)
        elif get_origin(kind) is Literal:
            _check_choice(name, value, get_args(kind))
        elif kind is int:
            _check_whole_number(name, value, limits)
        elif float in (kind, *get_args(kind)):
            words = [word for each in get_args(kind) for word in get_args(each)]
            if value not in words:
                object.__setattr__(switches, name, _checked_number(name, value, words))


@cache
def _types(switches: type) -> dict[str, Any]:
    """Types of the switches by name. Reading them from annotations is slow, and tables hold hundreds of switches."""
    return get_type_hints(switches, include_extras=True)


def _check_bool(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")


def _check_choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    # Types count, too: True and 1.0 equal 1, but would name other runs.
    if (type(value), value) not in [(type(choice), choice) for choice in choices]:
        raise ValueError(f"{name} must be one of {', '.join(map(str, choices))}, not {value!r}")


def _check_whole_number(name: str, value: Any, limits: Iterable[Any]) -> None:
    least = max((limit.value for limit in limits if isinstance(limit, AtLeast)), default=0)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number, {least} or more, not {value!r}")


def _checked_number(name: str, value: Any, words: list[str]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        either = f"{', '.join(words)} or " if words else ""
        raise ValueError(f"{name} must be {either}a number, 0 or more, not {value!r}")
    return float(value) + 0.0
