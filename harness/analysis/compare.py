"""``--compare``: do two cells differ by more than their queries explain?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.analysis.significance import significance
from harness.errors import BadInput
from harness.results.record import Record
from harness.results.store import Store

METRICS = ("map", "rank1", "rank5", "rank10", "minp")


def comparison(first: Sequence[Record], second: Sequence[Record], store: Store) -> Iterator[str]:
    """Lines on how the records of one cell differ from those of another, pair by pair of one profile and seed.

    Raises BadInput when no profile and seed is recorded of both, and where two records cannot be compared.
    """
    partners = {(record["profile"], record["seed"]): record for record in second}
    pairs = [
        (record, partners[record["profile"], record["seed"]])
        for record in first
        if (record["profile"], record["seed"]) in partners
    ]
    if not pairs:
        raise BadInput(
            f"{first[0]['cell']} and {second[0]['cell']} have no record of one profile and seed; run both alike"
        )
    for one, other in pairs:
        yield f"{one['cell']} over {other['cell']} ({one['profile']}, seed {one['seed']})"
        for metric in METRICS:
            found = significance(one, other, store, metric)
            low, high = found.compared.interval
            yield (
                f"{metric:7}{found.compared.difference:+7.2f} points, 95 % interval {low:+.2f} .. {high:+.2f}, "
                f"p = {found.p_value:.4f}"
            )
    yield "paired by person; of the choice of people only, not of the noise of training, which other seeds show"
