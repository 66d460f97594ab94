"""Tables of figures measured by us, from the records of ``results/reference``, in Markdown.

``python docs/figures.py`` writes the tables of README.md anew, each between its two marks. A test compares them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from harness.reporting.layout import lay_out
from harness.reporting.orderings import Ordering, orderings
from harness.results.record import DoneRecord
from harness.results.store import existing
from harness.results.stored import StoredArrays
from harness.tables import Claim, Table, tables

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
README = ROOT / "README.md"
SHOWN = ("market1501", "budget")
"""Dataset and profile of the records that README.md shows."""
MARKED = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)
CLAIMS = re.compile(r"(?<=<!-- claims -->\n).*?(?=<!-- end of claims -->)", re.DOTALL)
SECONDS_PER_MINUTE = 60


def reference_records() -> list[DoneRecord]:
    """The finished records of ``results/reference``, by table, dataset, profile, row and seed."""
    known = tables()
    done = [record for record in existing(REFERENCE, "results").records() if record["status"] == "done"]
    rows = {(table.id, row.key): place for table in known.values() for place, row in enumerate(table.rows)}
    order = {table_id: place for place, table_id in enumerate(known)}

    def place(record: DoneRecord) -> tuple[int, str, str, int, int]:
        table_id, row = record["table"], record["row"]
        return order[table_id], record["dataset"], record["profile"], rows[table_id, row], record["seed"]

    return sorted(done, key=place)


def readme_table(records: Iterable[DoneRecord]) -> str:
    """One line per record of ``SHOWN``: figures, the verdict against the printed mAP, and the conditions."""
    shown = [record for record in records if (record["dataset"], record["profile"]) == SHOWN]
    lines = [
        f"| {record['method']} | {record['row']} | {_with_interval(record, 'map')} | {_with_interval(record, 'rank1')} "
        f"| {_against_paper(record)} | {_conditions(record)} |"
        for record in shown
    ]
    return _table("method | row | mAP, 95 % interval | Rank-1 | against the printed mAP | conditions", lines)


def claims_summary(records: Sequence[DoneRecord]) -> str:
    """One line per table with records of ``study``: how many of the paper's orderings hold on the embedded data."""
    lines = []
    of_table: dict[str, list[Ordering]] = {}
    for table, _, found in _checked(records):
        of_table.setdefault(table.id, []).extend(found)
    for table_id, found in of_table.items():
        table = tables()[table_id]
        words = Counter(each.word for each in found)
        seeds = min(min(each.checked.seeds) for each in found if each.checked)
        lines.append(
            f"| {table.method} | {table.label} | {words['holds']} of {len(found)} | {words['contradicted']} "
            f"| {words['undecided']} | {seeds} |"
        )
    return _table("method | table | orderings that hold | contradicted | undecided | seeds per row", lines)


def claims_in_full(records: Sequence[DoneRecord]) -> str:
    """Every ordering that was checked on records of ``study``: its difference with interval, and the paper's own."""
    lines = []
    for table, dataset, found in _checked(records):
        for each in found:
            assert each.checked
            low, high = each.checked.interval
            paper = f"{each.paper.points:+.1f} ({each.paper.dataset})" if each.paper else ""
            lines.append(
                f"| {table.method}, {table.label} | {_stated(each.claim, table, dataset)} "
                f"| {each.checked.difference:+.1f} [{low:+.1f}, {high:+.1f}] | {paper} | {each.word} |"
            )
    return _table("table | ordering | difference of mAP, 95 % interval | printed | outcome", lines)


def _stated(claim: Claim, table: Table, dataset: str) -> str:
    """The ordering in words; in a table of a mechanism with the position of the dial."""
    rows = f"{claim.better} > {claim.worse}"
    if claim.more_at:
        return f"{rows}: by more at `{claim.more_at}` than at `{claim.than_at}`"
    return f"{rows} at `{dataset}`" if table.shows_mechanism else rows


def _checked(records: Sequence[DoneRecord]) -> Iterator[tuple[Table, str, list[Ordering]]]:
    """Each table with a dataset and the orderings that were checked on its records of ``study``."""
    studied = [record for record in records if record["profile"] == "study"]
    for table in tables().values():
        layout = lay_out(table, studied)
        for group in layout.measured:
            found = [each for each in orderings(layout, group, StoredArrays(REFERENCE)) if each.checked]
            if found:
                yield table, group.dataset, found


def method_tables(method_id: str, records: Iterable[DoneRecord]) -> str:
    """The figures of one method: a table per published table, dataset and profile, with verdicts."""
    own = [record for record in records if record["method"] == method_id]
    known = tables()
    parts = []
    for (table_id, dataset, profile), group in groupby(own, key=_shown_together):
        lines = [
            f"| {record['row']} | {_with_interval(record, 'map')} | {_with_interval(record, 'rank1')} "
            f"| {_against_paper(record)} |"
            for record in group
        ]
        parts.append(f"**{known[table_id].label}** (`{table_id}`), dataset `{dataset}`, profile `{profile}`\n")
        parts.append(_table("row | mAP, 95 % interval | Rank-1 | against the printed mAP", lines))
    return "\n".join(parts) if parts else "No reference record yet.\n"


def _shown_together(record: DoneRecord) -> tuple[str, str, str]:
    return record["table"], record["dataset"], record["profile"]


def _table(header: str, lines: Sequence[str]) -> str:
    rule = "|".join(" --- " for _ in header.split(" | "))
    return "\n".join([f"| {header} |", f"|{rule}|", *lines, ""])


def _with_interval(record: DoneRecord, metric: str) -> str:
    lower, upper = record["intervals"][metric]["by_identity"]
    return f"{record['metrics'][metric]:.1f} [{lower:.1f}, {upper:.1f}]"


def _against_paper(record: DoneRecord) -> str:
    """The verdict, since no figure stands beside a printed one without it."""
    printed = record["published"].get("map")
    return record["verdict"]["word"] if printed is None else f"{printed:.1f}: {record['verdict']['word']}"


def _conditions(record: DoneRecord) -> str:
    receipt = record["receipt"]
    recipe, hardware = receipt["recipe"], receipt["hardware"]
    start = receipt["initialisation"]
    origin = f"after `{start['method']}`" if start["kind"] == "run" else f"from {start['kind']}"
    device = hardware["gpu"] or f"{hardware['threads']} CPU threads"
    minutes = receipt["wall_seconds"] / SECONDS_PER_MINUTE
    return (
        f"{recipe['backbone']}, {recipe['height']}x{recipe['width']}, {recipe['epochs']} epochs {origin}, "
        f"{minutes:.0f} min on {device}, seed {record['seed']}"
    )


def main() -> None:
    """Write the tables of README.md anew."""
    text, records = README.read_text(encoding="utf-8"), reference_records()
    text = MARKED.sub(lambda _: readme_table(records), text)
    README.write_text(CLAIMS.sub(lambda _: claims_summary(records), text), encoding="utf-8")


if __name__ == "__main__":
    main()
