"""The verb ``score``: score features of one's own, by the protocol of any dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from harness.analysis import explain
from harness.commands.request import ScoreRequest
from harness.errors import BadInput, unknown_name_error
from harness.evaluation.ladder import Ladder
from harness.evaluation.metrics import METRICS
from harness.evaluation.own_features import ScoredFile, score_file
from harness.evaluation.scoring import Reranking

CMC_SHOWN = (1, 2, 3, 5, 10, 20, 50)


def execute(request: ScoreRequest) -> int:
    """Print figures, intervals and CMC; on request, the ladder of protocol switches. Returns 0."""
    published = _published(request.published)
    if len(request.files) > 2:
        raise BadInput(f"score is given {len(request.files)} files; give one npz file, or two npy files and --labels")
    scored = score_file(
        request.files[0],
        request.files[1] if len(request.files) == 2 else None,
        request.labels,
        protocol=request.protocol,
        metric=request.metric,
        reranking=Reranking() if request.rerank else None,
    )
    ladder = scored.ladder(published or None) if request.ladder or published else None
    if request.json:
        print(json.dumps(_as_json(scored, ladder), ensure_ascii=False, indent=1))
        return 0
    print("\n".join(_as_text(scored)))
    if ladder:
        print()
        print("\n".join(explain.as_text(ladder) if published else _moves(ladder)))
    return 0


def _published(written: Sequence[str]) -> dict[str, float]:
    """Figures by metric, from ``map=85.1``. Raises BadInput for another form, and for an unknown metric."""
    found = {}
    for each in written:
        metric, _, figure = each.partition("=")
        if metric not in METRICS:
            raise unknown_name_error("metric", metric, METRICS)
        try:
            found[metric] = float(figure)
        except ValueError as error:
            raise BadInput(f"--published {each}: write METRIC=PERCENT, such as map=85.1") from error
    return found


def _as_text(scored: ScoredFile) -> Iterator[str]:
    features, setting = scored.features, scored.setting
    yield (
        f"{len(features.query_ids):,} queries, {len(features.gallery_ids):,} gallery images, "
        f"{features.gallery[False].shape[1]:,} dimensions"
    )
    reranked = f", {setting.reranking}" if setting.reranking else ""
    yield f"protocol {scored.protocol.id}, {setting.metric} distance{reranked}"
    if scored.protocol.pooled_queries:
        yield "the protocol pools queries: each query feature must be the mean over its person's images in its camera"
    without = int(scored.metrics["queries_without_match"])
    if without:
        yield f"{without:,} queries have no match in the gallery and do not count"
    yield ""
    yield f"{'metric':14}{'percent':>8}  95 % interval by person   by query"
    for metric in METRICS:
        yield f"{metric:14}{scored.metrics[metric]:8.2f}{_interval(scored, metric)}"
    yield ""
    yield "CMC: " + ", ".join(f"rank {rank} {scored.scores.cmc[rank - 1]:.2f}" for rank in CMC_SHOWN)


def _interval(scored: ScoredFile, metric: str) -> str:
    found = scored.intervals.get(metric)
    if found is None:
        return ""
    people, queries = found["by_identity"], found["by_query"]
    return f"  {people[0]:10.2f} .. {people[1]:6.2f}   {queries[0]:10.2f} .. {queries[1]:6.2f}"


def _moves(ladder: Ladder) -> Iterator[str]:
    """The figures under each switch, the farthest first."""
    yield "figures by other rules (and how far they move):"
    for rung in reversed(ladder.rungs):
        figures = ", ".join(
            f"{metric} {figure:.2f} ({rung.differences[metric]:+.2f})" for metric, figure in rung.figures.items()
        )
        yield f"  {rung.switches[0]}: {figures}"
    if ladder.without_effect:
        yield f"  without effect here: {'; '.join(ladder.without_effect)}"


def _as_json(scored: ScoredFile, ladder: Ladder | None) -> dict[str, Any]:
    return {
        "protocol": scored.protocol.id,
        "metric": scored.setting.metric,
        "reranked": scored.setting.reranking is not None,
        "metrics": scored.metrics,
        "intervals": scored.intervals,
        "cmc": scored.scores.cmc.tolist(),
        **({"ladder": _ladder_as_json(ladder)} if ladder else {}),
    }


def _ladder_as_json(ladder: Ladder) -> list[dict[str, Any]]:
    return [
        {"switches": list(rung.switches), "figures": rung.figures, "differences": rung.differences}
        for rung in (ladder.recorded, *ladder.rungs)
    ]
