"""The verb ``list``: every table with its rows, switches and published figures. Needs neither torch nor data."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from harness.commands.request import Request
from harness.plan.selection import chosen_tables
from harness.tables import Row, Table


def execute(request: Request) -> int:
    """Print the requested tables, or all. Returns 0."""
    listed = chosen_tables(request.tables or ("all",))
    print(json.dumps(as_json(listed), ensure_ascii=False, indent=1) if request.json else as_text(listed))
    return 0


def as_json(tables: Sequence[Table]) -> list[dict[str, Any]]:
    """One object per table; published figures by dataset and metric, null where the paper prints a dash."""
    return [
        {
            "id": table.id,
            "method": table.method,
            "label": table.label,
            "caption": table.caption,
            "built": table.built,
            "rows": [_row(row) for row in table.rows],
        }
        for table in tables
    ]


def as_text(tables: Sequence[Table]) -> str:
    """One line per table."""
    width = max(len(table.id) for table in tables)
    lines = []
    for table in tables:
        running = sum(row.runs for row in table.rows)
        built = "" if table.built else "  (method not built yet)"
        lines.append(f"{table.id:<{width}}  {table.label:<10} {running:>3} of {len(table.rows):>3} rows run{built}")
    return "\n".join(lines)


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "key": row.key,
        "group": row.group,
        "runs": row.runs,
        "switches": dict(row.switches),
        "trained_on": row.trained_on or None,
        "published": row.published,
    }
