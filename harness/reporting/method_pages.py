"""The page of one method: its paper, mechanism, cost, claims and tables, and what was open and chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.recipe import Profile
from harness.reporting.board import BoardMethod
from harness.reporting.cell_strips import span
from harness.reporting.cells import PROFILE_ORDER, Group
from harness.reporting.headline import SPENT
from harness.reporting.layout import Layout
from harness.reporting.mechanism import mechanism_curves
from harness.reporting.method_costs import HEADINGS, cost_comparisons
from harness.reporting.orderings import Forest, Ordering, forest
from harness.reporting.readme import method_readme
from harness.reporting.sources import Sources


@dataclass(frozen=True)
class ClaimsOfTable:
    """The claims of one table on one dataset at one profile."""

    layout: Layout
    group: Group
    orderings: list[Ordering]
    forest: Forest | None


@dataclass(frozen=True)
class Outcome:
    """How the checked claims of all tables came out at one profile."""

    profile: Profile
    holding: int
    checked: int
    seeds: str
    """The fewest and the most seeds of a row."""


def outcomes(claims: Sequence[ClaimsOfTable]) -> list[Outcome]:
    """The outcome at each profile, the whole recipe first and the shortest last."""
    found = []
    for profile in PROFILE_ORDER:
        checked = [
            each.checked
            for of_table in claims
            if of_table.group.profile == profile
            for each in of_table.orderings
            if each.checked
        ]
        if checked:
            holding = sum(each.word == "holds" for each in checked)
            seeds = span(count for each in checked for count in each.seeds)
            found.append(Outcome(profile, holding, len(checked), seeds))
    return found


def method_page_text(sources: Sources, method: BoardMethod, methods: Sequence[BoardMethod]) -> str:
    """The text of a method's page.

    Args:
        sources: Everything measured.
        method: The method.
        methods: All methods, for the baselines among them.
    """
    layouts = [layout for layout in sources.layouts.values() if layout.table.method == method.id]
    claims = [
        ClaimsOfTable(layout, group, found, forest(found))
        for layout in layouts
        for group in layout.measured
        if (found := sources.orderings[layout.table.id, group])
    ]
    baselines = [each.id for each in methods if each.is_baseline]
    return sources.environment.get_template("method.html").render(
        method=method,
        readme=method_readme(method.id),
        mechanisms=[curve for layout in layouts for curve in mechanism_curves(layout)],
        outcomes=outcomes(claims),
        spent=SPENT,
        claims=sorted(claims, key=lambda each: each.forest is None),
        stated=sum(len(layout.table.claims) for layout in layouts),
        costs=cost_comparisons(method.id, sources.layouts.values(), baselines),
        cost_headings=HEADINGS,
        live=sources.live,
    )
