"""The index: the board of all methods and tables, the newest results, and what to run next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness.reporting.board import BoardMethod, newest_results, total_states
from harness.reporting.next_steps import next_steps
from harness.reporting.sources import Sources

NOT_MEASURED = ("failed", "damaged", "not run")


def index_page(sources: Sources, methods: Sequence[BoardMethod]) -> str:
    """The text of the index."""
    totals = total_states(methods)
    return sources.environment.get_template("index.html").render(
        methods=methods,
        totals=totals,
        done=sum(count for word, count in totals.items() if word not in NOT_MEASURED),
        newest=newest_results(sources),
        steps=next_steps(sources),
        filters=_filters(methods),
        damaged=sources.named(sources.damaged),
        left_out=sources.left_out,
        live=sources.live,
    )


def _filters(methods: Sequence[BoardMethod]) -> list[tuple[str, str, list[str]]]:
    """Name, label and values of each filter."""
    strips = [strip for method in methods for strip in method.strips]
    not_run = [title for method in methods for table in method.tables for title in table.not_run]
    return [
        ("method", "method", _values(method.id for method in methods)),
        ("dataset", "dataset", _values([*(strip.title for strip in strips), *not_run])),
        ("state", "state", list(total_states(methods))),
        ("profile", "profile", _values(strip.group.profile or "" for strip in strips)),
    ]


def _values(found: Iterable[str]) -> list[str]:
    return sorted(set(found))
