"""The outcome of each check of the contract on one method. An error of the method's code is a fault, too."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from harness import registry
from harness.errors import BadInput, unknown_name_error
from harness.method import Method
from harness.runs.contract.checks import CHECKS, MethodCheck, VariantCheck
from harness.runs.contract.variants import variants

IMPORTED = "METHOD can be imported"


@dataclass(frozen=True)
class Outcome:
    """A check with a sentence per fault. A check is ``skipped`` where an earlier one failed that it rests on."""

    name: str
    faults: tuple[str, ...] = ()
    skipped: bool = False


def outcomes(method_id: str) -> Iterator[Outcome]:
    """Make every check of the contract, one by one. Raises BadInput for an unknown method, with the nearest ids."""
    if method_id not in registry.folders():
        raise unknown_name_error("method", method_id, registry.folders())
    imported = Outcome(IMPORTED, tuple(_faults(lambda: _imported(method_id))))
    yield imported
    sound = not imported.faults
    for check in CHECKS:
        if not sound:
            yield Outcome(check.name, skipped=True)
            continue
        outcome = Outcome(check.name, tuple(_faults_of(check, registry.method(method_id))))
        yield outcome
        sound = not (check.founding and outcome.faults)


def _imported(method_id: str) -> Iterable[str]:
    registry.method(method_id)
    return ()


def _faults_of(check: MethodCheck | VariantCheck, method: Method) -> Iterator[str]:
    if isinstance(check, MethodCheck):
        yield from _faults(lambda: check.faults(method))
        return
    for label, switches in variants(method).items():
        for fault in _faults(lambda switches=switches: check.faults(method, switches)):  # type: ignore[misc]
            yield f"{label}: {fault}"


def _faults(make: Callable[[], Iterable[str]]) -> Iterator[str]:
    try:
        yield from make()
    except BadInput as error:
        yield str(error)
    except Exception as error:  # Whatever a user's code raises is a fault of it.
        place = traceback.extract_tb(error.__traceback__)[-1]
        cause = f"{type(error).__name__}: {' '.join(str(error).split())}"
        yield f"{cause} ({place.filename}, line {place.lineno})"
