"""Whether figures belong to seeds of one training, so that their mean says something."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.record import Receipt


def recipe_reasons(receipts: Sequence[Receipt], splits: int) -> list[str]:
    """Why the figures with these receipts are not seeds of one training, so that their mean cannot be judged.

    Recipes, switches, starts and data must be equal (data may differ if there are several ``splits``), and so must the
    computation (GPUs, scope of BN, precision, code) and the protocol.
    """
    found = []
    for what, key in (("recipes", _training_key), ("computation", _computation_key), ("protocols", _protocol_key)):
        sides = [key(receipt, splits) for receipt in receipts]
        found += [f"seeds of different {what}"] if any(side != sides[0] for side in sides) else []
    return found


def _training_key(receipt: Receipt, splits: int) -> tuple[object, ...]:
    start = receipt["initialisation"]
    # Not the run that a start comes from: each seed starts from a run of its own.
    begun = (start["kind"], start["method"], start["part"], start["file"])
    data = receipt["passport"]["fingerprint"] if splits == 1 else None
    return receipt["recipe"], receipt["switches"], begun, data


def _computation_key(receipt: Receipt, splits: int) -> tuple[object, ...]:
    return receipt["effective_batch"], receipt["computation"], receipt["code"]


def _protocol_key(receipt: Receipt, splits: int) -> tuple[object, ...]:
    return (receipt["protocol"],)
