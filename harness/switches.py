"""The values of switches, checked against the types that a method declares. Importing this needs no torch."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args, get_origin, get_type_hints


def check_values(switches: Any) -> None:
    """Check every true-or-false, one-of-these and 0-or-more switch of a frozen dataclass by its type.

    A number may be one of some words instead (``float | Literal["soft"]``). Numbers are brought to one form, since runs
    are named by their switches: 0, 0.0 and -0.0 are one value. Whole numbers and tuples are left to the method, which
    knows their range. Raises ValueError, in one sentence, for any other value.
    """
    for name, hint in get_type_hints(type(switches)).items():
        value = getattr(switches, name)
        if hint is bool and not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {value!r}")
        # By type as well: True and 1.0 equal 1, and would be runs of other names.
        if get_origin(hint) is Literal and (type(value), value) not in [(type(each), each) for each in get_args(hint)]:
            raise ValueError(f"{name} must be one of {', '.join(map(str, get_args(hint)))}, not {value!r}")
        words = [word for each in get_args(hint) for word in get_args(each)]
        if float in (hint, *get_args(hint)) and value not in words:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                either = f"{', '.join(words)} or " if words else ""
                raise ValueError(f"{name} must be {either}a number, 0 or more, not {value!r}")
            object.__setattr__(switches, name, float(value) + 0.0)
