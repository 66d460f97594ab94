"""``--explain``: which switches of the protocol close the gap between a record and its published figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from harness.errors import BadInput
from harness.evaluation.ladder import CLOSED_GAP_POINTS, Ladder, Rung, Setting, build_ladder
from harness.evaluation.protocols import protocol_named
from harness.evaluation.scoring import Reranking
from harness.results.record import Record, record_label, require_done
from harness.results.store import Store
from harness.results.stored import StoredArrays

AGREEMENT = 0.05
"""Points by which a record scored again may differ: another BLAS rounds differently, which moves single ranks."""


def explain(record: Record, store: Store) -> Ladder:
    """The protocol gap ladder of a record, from its stored features.

    Raises BadInput, naming the record or file and the fix, when the record failed, its paper prints no figure for it,
    its features cannot be read, or they no longer give its figures.
    """
    label, record = record_label(record), require_done(record, "explain")
    published = {metric: figure for metric, figure in record["published"].items() if figure is not None}
    if record.get("settings"):
        raise BadInput(f"{label}: the paper prints no figure for settings of your own, so there is no gap to explain")
    if not published:
        raise BadInput(f"{label}: the paper prints no figure for this cell, so there is no gap to explain")
    protocol = record["receipt"]["protocol"]
    rule, flip = protocol_named(protocol["id"]), protocol["flip_test"]
    reranking = Reranking() if protocol["reranked"] else None
    recorded = Setting(flip, protocol["metric"], same_camera_junk=rule.same_camera_junk, reranking=reranking)
    stored = StoredArrays(store.folder)
    known = {replace(recorded, flip=False): record["metrics_without_flip"]}
    ladder = build_ladder(stored.features(record), rule, recorded, published, known if flip else None)
    # Some tables print costs beside accuracy; scoring gives none.
    if any(abs(figure - record["metrics"][metric]) > AGREEMENT for metric, figure in ladder.recorded.figures.items()):
        path = stored.path(record, "features")
        raise BadInput(f"{path} does not give the figures of {label} again; --verify says what changed")
    return ladder


def as_text(ladder: Ladder) -> Iterator[str]:
    """The ladder in lines: the gap, the switches that close it, and every setting tried, the closest first."""
    figures = ladder.recorded.figures
    published = {metric: figures[metric] - ladder.recorded.differences[metric] for metric in figures}
    shown = ", ".join(f"{metric} {figure:g}" for metric, figure in published.items())
    yield f"published: {shown}"
    yield f"recorded:  {_figures(ladder.recorded)}"
    yield _conclusion(ladder)
    yield "remaining  switches turned: figures (difference to the published ones)"
    for rung in ladder.rungs:
        yield f"{rung.remaining:9.2f}  {' + '.join(rung.switches)}: {_figures(rung)}"
    if ladder.without_effect:
        yield f"without effect here: {'; '.join(ladder.without_effect)}"


def _figures(rung: Rung) -> str:
    return ", ".join(
        f"{metric} {figure:.2f} ({rung.differences[metric]:+.2f})" for metric, figure in rung.figures.items()
    )


def _conclusion(ladder: Ladder) -> str:
    closest, gap = ladder.closest, ladder.recorded.remaining
    if not closest.switches:
        return f"nothing tried comes nearer than the record itself, {gap:.2f} points away"
    turned = " + ".join(closest.switches)
    if closest.remaining <= CLOSED_GAP_POINTS:
        return (
            f"closes the gap of {gap:.2f} points: {turned}, {closest.remaining:.2f} remain. Of {len(ladder.rungs)} "
            "settings tried one may do so by chance: see whether the paper's code does this"
        )
    return f"no switch or pair closes the gap of {gap:.2f} points; nearest: {turned}, {closest.remaining:.2f} remain"
