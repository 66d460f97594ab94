"""The changes since a record was made, for ``--why``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.plan.fingerprint import changed
from harness.plan.plan import PlannedCell, Run
from harness.results.record import DoneRecord, Manifest
from harness.results.store import Store


def differences(store: Store, record: DoneRecord, planned: PlannedCell) -> list[str]:
    """One phrase per change since a record was made: a setting by its name, code by its definition."""
    assert planned.evaluation is not None
    before = store.run_manifest(record["run"])
    if before is None:
        return [f"the folder of its run, {store.run_folder(record['run'])}, is gone"]
    phrases = _changed_run(store, before, planned.needed_run)
    evaluation = store.evaluation(record["evaluation"])
    if evaluation is None:
        return [*phrases, f"its evaluation in {record['evaluation']} is gone"]
    # The changes of the run are named already.
    same_run = {**planned.evaluation, "run": evaluation["configuration"]["run"]}
    return phrases + changed_settings(evaluation["configuration"], same_run)


def changed_settings(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[str]:
    """One phrase per changed setting of a run or an evaluation; code by its definition."""
    phrases = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name == "code":
            phrases += changed(old or {}, new or {})
        elif isinstance(old, dict) and isinstance(new, dict):
            phrases += changed_settings(old, new, f"{prefix}{name}.")
        else:
            phrases.append(f"{prefix}{name} was {old!r}, now {new!r}")
    return phrases


def _changed_run(store: Store, before: Manifest, run: Run) -> list[str]:
    """Changes of a run and of the runs that it starts from."""
    start = store.run_manifest(before["parent"]) if before["parent"] else None
    if start is None or run.parent is None:
        return changed_settings(before["configuration"], run.configuration)
    same_start = {**run.configuration, "initial_weights": before["configuration"]["initial_weights"]}
    phrases = _changed_run(store, start, run.parent) + changed_settings(before["configuration"], same_start)
    return list(dict.fromkeys(phrases))
