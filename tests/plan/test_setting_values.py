"""Values of settings, from text to the type of a field and back."""

from typing import Annotated, Literal

import pytest

from harness.plan.setting_values import as_text, converted, part_type
from harness.recipe import Erasing, Recipe, Warmup
from harness.switches import AtLeast


@pytest.mark.parametrize(
    ("written", "hint", "value"),
    [
        ("3", int, 3),
        ("3", Annotated[int, AtLeast(1)], 3),
        ("1e-3", float, 0.001),
        ("True", bool, True),
        ("2", Literal[1, 2], 2),
        ("soft", float | Literal["soft"], "soft"),
        ("0.5", float | Literal["soft"], 0.5),
        ("none", Warmup | None, None),
        ("none", float | None, None),
        (["3", "5"], tuple[int, ...], (3, 5)),
        (["0.1", "0.2"], tuple[float, float], (0.1, 0.2)),
        ([["trunk.", "0.1"]], tuple[tuple[str, float], ...], (("trunk.", 0.1),)),
        ([], tuple[int, ...], ()),
    ],
)
def test_text_becomes_a_value_of_the_fields_type(written, hint, value):
    found = converted(written, hint)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("written", "hint", "reason"),
    [
        ("x", int, "a whole number"),
        ("nan", float, "a number, 0 or more"),
        ("inf", float, "a number, 0 or more"),
        ("3", Literal[1, 2], "must be one of 1, 2"),
        ("3", tuple[int, ...], "a list in brackets"),
        (["1"], tuple[float, float], "a list of 2 values, not of 1"),
        (["1"], int, "must be one value"),
        ("hard", float | Literal["soft"], "or must be one of soft"),
        ("yes", Warmup | None, "or none"),
    ],
)
def test_another_type_is_refused_with_what_is_wanted(written, hint, reason):
    with pytest.raises(ValueError, match=reason):
        converted(written, hint)


def test_a_value_is_written_so_that_it_is_read_again():
    for value, hint in ((None, float | None), (True, bool), (1e-05, float), ((3, 5), tuple[int, ...])):
        text = as_text(value)
        inside = text.strip("[]").split(", ") if isinstance(value, tuple) else text
        assert converted(inside, hint) == value


def test_a_field_that_may_hold_a_part_gives_its_dataclass():
    assert part_type(Erasing | None) is Erasing
    assert part_type(Recipe) is Recipe
    assert part_type(float | None) is None
