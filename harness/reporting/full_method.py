"""Which row of a table is the full method: its switches are the method's defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from harness import registry
from harness.tables import Row


def is_full(row: Row, at_test: bool = False) -> bool:
    """Whether a row trains the full method; with ``at_test``, whether it also reads the method's own feature."""
    if not row.switches:
        return True
    if row.method not in registry.folders() or not registry.is_built(row.method):
        return False
    plugin = registry.method(row.method)
    defaults, own = asdict(plugin.switches()), asdict(plugin.parse(dict(row.switches), row.key))
    return all(own[name] == value for name, value in defaults.items() if at_test or name not in plugin.test_switches)


def full_row(rows: Sequence[Row]) -> Row:
    """The full method among some rows, the one with its own feature before others; the last row where none is."""
    whole = [row for row in rows if is_full(row, at_test=True)] or [row for row in rows if is_full(row)]
    return whole[0] if whole else rows[-1]
