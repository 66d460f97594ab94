"""The values of switches, checked against the types that a method declares. Importing this needs no torch."""

from __future__ import annotations

import math
from typing import Any, get_args, get_type_hints


def check_values(switches: Any) -> None:
    """Check every true-or-false, one-of-these and 0-or-more switch of a frozen dataclass by its type.

    Numbers are brought to one form, since runs are named by their switches: 0, 0.0 and -0.0 are one value. Whole
    numbers are left to the method, which knows their range. Raises ValueError, in one sentence, for any other value.
    """
    for name, hint in get_type_hints(type(switches)).items():
        value = getattr(switches, name)
        if hint is bool and not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {value!r}")
        if get_args(hint) and value not in get_args(hint):
            raise ValueError(f"{name} must be one of {', '.join(get_args(hint))}, not {value!r}")
        if hint is float:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
                raise ValueError(f"{name} must be a number, 0 or more, not {value!r}")
            object.__setattr__(switches, name, float(value) + 0.0)
