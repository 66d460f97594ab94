"""Do two records differ by more than their queries explain?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.errors import BadInput
from harness.evaluation.bootstrap import Floats, cluster_sums
from harness.evaluation.claims import CheckedClaim, check_claim
from harness.results.record import DoneRecord, Record, require_done
from harness.results.store import Store
from harness.results.stored import StoredArrays

FLIPS = 10_000

FLIPS_AT_ONCE = 500
"""Bounds the memory: 500 flips of MSMT17's 3,060 people are 12 MB."""


@dataclass(frozen=True)
class Significance:
    """``compared`` is the difference of two records with its interval; ``p_value`` that of no difference at all."""

    compared: CheckedClaim
    p_value: float


def significance(first: Record, second: Record, store: Store, metric: str = "map") -> Significance:
    """The difference of ``first`` over ``second`` in a metric, from the scores that are stored with the records.

    The interval is the paired bootstrap by person of ``check_claim``. The p-value is that of a paired randomisation
    test (Fisher's; Smucker, Allan and Carterette, CIKM 2007): were the two alike, each person's difference could as
    well have had the other sign. Both know of the choice of people, neither of the noise of training.

    Raises BadInput when a record failed, the two were not scored by one protocol on one dataset, their stored scores
    cannot be read, or for an unknown metric.
    """
    first, second = require_done(first, "compare"), require_done(second, "compare")
    _check_alike(first, second)
    stored = StoredArrays(store.folder)
    one, other = stored.per_query([first]), stored.per_query([second])
    compared = check_claim(one, other, metric)
    sums, _ = cluster_sums(one.values(metric) - other.values(metric), one.query_ids[one.scores[0].valid])
    return Significance(compared, _randomisation_p_value(sums[:, 0]))


def _check_alike(first: DoneRecord, second: DoneRecord) -> None:
    receipts = first["receipt"], second["receipt"]
    for what, (of_first, of_second) in {
        "dataset": (first["dataset"], second["dataset"]),
        "copy of the dataset": tuple(receipt["passport"]["fingerprint"] for receipt in receipts),
        "protocol": tuple(receipt["protocol"]["id"] for receipt in receipts),
        "distance": tuple(receipt["protocol"]["metric"] for receipt in receipts),
    }.items():
        if of_first != of_second:
            raise BadInput(
                f"{first['cell']} and {second['cell']} differ in their {what} ({of_first} and {of_second}); "
                "compare two records that were scored alike"
            )


def _randomisation_p_value(sums: Floats) -> float:
    """Share of random signs of each person's ``sums`` (people,) whose total is as far from 0 as the one observed."""
    observed = abs(sums.sum()) * (1 - 1e-12)  # equal totals may be summed in another order
    generator = np.random.default_rng(0)
    as_far = 0
    for _ in range(FLIPS // FLIPS_AT_ONCE):
        signs = 2.0 * generator.integers(2, size=(FLIPS_AT_ONCE, len(sums))) - 1
        as_far += int(np.count_nonzero(np.abs(signs @ sums) >= observed))
    return (1 + as_far) / (1 + FLIPS)
