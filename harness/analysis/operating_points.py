"""``--roc``: how often are two images of one person accepted as such, at how many false acceptances?"""

from __future__ import annotations

from collections.abc import Iterator

from harness.evaluation.protocols import protocol_named
from harness.evaluation.roc import Roc, roc
from harness.results.record import Record, require_done
from harness.results.store import Store
from harness.results.stored import StoredArrays

RATES = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1)


def record_roc(record: Record, store: Store) -> Roc:
    """The true positive rates of a record at ``RATES``, on the distances of its stored features (never re-ranked).

    Raises BadInput, naming the record or file and the mend, when the record failed or its features cannot be read.
    """
    record = require_done(record, "read")
    protocol = record["receipt"]["protocol"]
    flip = protocol["flip_test"]
    stored = StoredArrays(store.folder).features(record)
    return roc(
        stored.query[flip],
        stored.gallery[flip],
        stored.query_ids,
        stored.gallery_ids,
        stored.query_cams,
        stored.gallery_cams,
        protocol=protocol_named(protocol["id"]),
        metric=protocol["metric"],
        false_positive_rates=RATES,
    )


def as_text(curve: Roc) -> Iterator[str]:
    """The curve in lines, without the rates at which not one of the negative pairs may be accepted."""
    yield f"{curve.positives} pairs of one person, {curve.negatives} of two; one threshold for all"
    yield "false positive rate  true positive rate"
    for false_rate, true_rate in zip(curve.false_positive_rates, curve.true_positive_rates, strict=True):
        if false_rate * curve.negatives >= 1:
            yield f"{false_rate:19g}  {100 * true_rate:16.2f} %"
