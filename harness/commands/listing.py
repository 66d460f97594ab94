"""``--list``: every table with its rows, switches and published figures. Needs neither torch nor data."""

from __future__ import annotations

from typing import Any

from harness.tables import Table


def as_json(tables: list[Table]) -> list[dict[str, Any]]:
    """One object a table; published figures by dataset and metric, null where the paper prints a dash."""
    return [
        {
            "id": table.id,
            "method": table.method,
            "label": table.label,
            "caption": table.caption,
            "built": table.built,
            "rows": [
                {
                    "name": row.name,
                    "key": row.key,
                    "group": row.group,
                    "runs": row.runs,
                    "switches": dict(row.switches),
                    "trained_on": row.trained_on or None,
                    "published": row.published,
                }
                for row in table.rows
            ],
        }
        for table in tables
    ]


def as_text(tables: list[Table]) -> str:
    """One line a table."""
    width = max(len(table.id) for table in tables)
    lines = []
    for table in tables:
        running = sum(row.runs for row in table.rows)
        built = "" if table.built else "  (method not built yet)"
        lines.append(f"{table.id:<{width}}  {table.label:<10} {running:>3} of {len(table.rows):>3} rows run{built}")
    return "\n".join(lines)
