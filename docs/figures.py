"""Tables of figures measured by us, from the records of ``results/reference``, in Markdown.

``python docs/figures.py`` writes the table of README.md anew, between its two marks. A test compares them. The other
tables are made when the site is built.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from harness.cell import INITIAL_WEIGHTS, Setting, settings_label
from harness.evaluation.claims import CheckedClaim, check_claim
from harness.reporting.full_method import full_row
from harness.reporting.layout import lay_out
from harness.reporting.orderings import Ordering, of_shared_seeds, orderings
from harness.results.record import DoneRecord
from harness.results.store import existing
from harness.results.stored import StoredArrays
from harness.tables import Claim, Table, tables

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
README = ROOT / "README.md"
REAL = ("market1501", "budget")
"""Dataset and profile of the records on real images."""
MARKED = re.compile(r"(?<=<!-- figures -->\n).*?(?=<!-- end of figures -->)", re.DOTALL)
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


def front_table(records: Sequence[DoneRecord]) -> str:
    """The table of README.md: per method and data, the gain of the full method, and how many orderings hold.

    Its data are the embedded dataset after ``study``, and real images with a pre-trained trunk.
    """
    embedded: list[str] = []
    on_real: list[str] = []
    rows: dict[_Conditions, dict[str, list[DoneRecord]]] = {}
    for record in records:
        rows.setdefault(_conditions_of(record), {}).setdefault(record["row"], []).append(record)
    for conditions, by_row in rows.items():
        table, real = tables()[conditions.table], (conditions.dataset, conditions.profile) == REAL
        if table.is_our_own or not (conditions.pre_trained if real else conditions.is_study):
            continue
        if len(by_row) > 1 and real:
            on_real.append(_front_line(table, by_row, _on_real(by_row)))
        elif len(by_row) > 1:
            embedded.append(_front_line(table, by_row, "embedded, converged"))
    gain = "first row → full method, mAP | gain, 95 % interval"
    counts = "orderings that hold | contradicted | undecided | seeds"
    return _table(f"method | data | {gain} | {counts}", [*embedded, *on_real])


@dataclass(frozen=True)
class _Conditions:
    """What records must share to be compared: table, dataset, profile and settings."""

    table: str
    dataset: str
    profile: str
    settings: tuple[Setting, ...]

    @property
    def is_study(self) -> bool:
        return self.profile == "study" and not self.settings

    @property
    def pre_trained(self) -> bool:
        return any(setting.name == INITIAL_WEIGHTS for setting in self.settings)


def _conditions_of(record: DoneRecord) -> _Conditions:
    return _Conditions(record["table"], record["dataset"], record["profile"], _settings(record))


def _settings(record: DoneRecord) -> tuple[Setting, ...]:
    return tuple(Setting(**each) for each in record.get("settings", ()))


def _front_line(table: Table, by_row: Mapping[str, list[DoneRecord]], data: str) -> str:
    rows = [row for row in table.rows if row.key in by_row]
    full, first = of_shared_seeds(by_row[full_row(rows).key], by_row[rows[0].key])
    gain = _difference(full, first)
    known = [claim for claim in table.claims if {claim.better, claim.worse} <= by_row.keys()]
    words = Counter(_difference(by_row[each.better], by_row[each.worse], each.metric).word for each in known)
    counts = (f"{words['holds']} of {len(known)}", words["contradicted"], words["undecided"]) if known else ("–",) * 3
    cells = (table.method, data, f"{_mean_map(first):.1f} → {_mean_map(full):.1f}", _with_bounds(gain), *counts)
    return f"| {' | '.join(map(str, cells))} | {min(gain.seeds)} |"


def _difference(better: list[DoneRecord], worse: list[DoneRecord], metric: str = "map") -> CheckedClaim:
    stored = StoredArrays(REFERENCE)
    return check_claim(*map(stored.per_query, of_shared_seeds(better, worse)), metric=metric)


def _mean_map(records: Sequence[DoneRecord]) -> float:
    return sum(record["metrics"]["map"] for record in records) / len(records)


def _on_real(by_row: Mapping[str, list[DoneRecord]]) -> str:
    recipe = next(iter(by_row.values()))[0]["receipt"]["recipe"]
    return f"Market-1501, {recipe['backbone']}, {recipe['height']}x{recipe['width']}, {recipe['epochs']} epochs"


def _with_bounds(checked: CheckedClaim) -> str:
    low, high = checked.interval
    return f"{checked.difference:+.1f} [{low:+.1f}, {high:+.1f}]"


def real_images(records: Iterable[DoneRecord]) -> str:
    """One line per record of ``REAL``: figures, the verdict against the printed mAP, and the conditions."""
    shown = [record for record in records if (record["dataset"], record["profile"]) == REAL]
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
            paper = f"{each.paper.points:+.1f} ({each.paper.dataset})" if each.paper else ""
            lines.append(
                f"| {table.method}, {table.label} | {_stated(each.claim, table, dataset)} "
                f"| {_with_bounds(each.checked)} | {paper} | {each.word} |"
            )
    return _table("table | ordering | difference of mAP, 95 % interval | printed | outcome", lines)


def _stated(claim: Claim, table: Table, dataset: str) -> str:
    """The ordering in words; in a table of a mechanism with the position of the dial."""
    rows = f"{claim.better} > {claim.worse}"
    if claim.more_at:
        return f"{rows}: by more at `{claim.more_at}` than at `{claim.than_at}`"
    return f"{rows} at `{dataset}`" if table.is_our_own else rows


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
            f"| {_row_of(record)} | {_with_interval(record, 'map')} | {_with_interval(record, 'rank1')} "
            f"| {_against_paper(record)} |"
            for record in group
        ]
        parts.append(f"**{known[table_id].label}** (`{table_id}`), dataset `{dataset}`, profile `{profile}`\n")
        parts.append(_table("row | mAP, 95 % interval | Rank-1 | against the printed mAP", lines))
    return "\n".join(parts) if parts else "No reference record yet.\n"


def _shown_together(record: DoneRecord) -> tuple[str, str, str]:
    return record["table"], record["dataset"], record["profile"]


def _row_of(record: DoneRecord) -> str:
    """The row, with its seed and what was set otherwise than printed."""
    label = settings_label(_settings(record))
    return f"{record['row']}, seed {record['seed']}" + (f" ({label})" if label else "")


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
    """Write the table of README.md anew."""
    text, table = README.read_text(encoding="utf-8"), front_table(reference_records())
    README.write_text(MARKED.sub(lambda _: table, text), encoding="utf-8")


if __name__ == "__main__":
    main()
