"""The rooms of the design as the code has them: few, on few floors, and no import runs in a circle.

``python tests/test_rooms.py`` prints the floors. Which rooms may import which is stated in pyproject.toml, for
``lint-imports``; here the floors are computed, so that a new room or floor is noticed too.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

MOST_ROOMS = 30
MOST_FLOORS = 12


def room(module: str) -> str:
    """A word or folder at the top of the harness; all methods are one room."""
    return "methods" if module.split(".")[0] == "methods" else ".".join(module.split(".")[:2])


@cache
def imported() -> dict[str, set[str]]:
    """The rooms that each room imports from, also where an import is only for types or waits until it is needed."""
    graph = grimp.build_graph("harness", "methods", cache_dir=None)
    found: dict[str, set[str]] = defaultdict(set)
    for module in graph.modules:
        found[room(module)] |= {room(each) for each in graph.find_modules_directly_imported_by(module)} - {room(module)}
    return dict(found)


def floors() -> list[list[str]]:
    """Rooms from the ground up; a room stands one floor above the highest that it imports from."""
    sorter = TopologicalSorter(imported())
    sorter.prepare()
    found = []
    while sorter.is_active():
        floor = sorter.get_ready()
        sorter.done(*floor)
        found.append(sorted(floor))
    return found


def test_no_import_between_rooms_runs_in_a_circle():
    try:
        TopologicalSorter(imported()).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]))


def test_there_are_at_most_30_rooms_on_12_floors():
    assert len(imported()) <= MOST_ROOMS
    assert len(floors()) <= MOST_FLOORS


if __name__ == "__main__":
    # Beside this file lies tests/methods, which is not meant.
    sys.path[0] = str(Path(__file__).parents[1])
    for number, names in reversed([*enumerate(floors(), 1)]):
        print(f"{number:2}  {', '.join(names)}")
    print(f"{len(imported())} rooms on {len(floors())} floors")
