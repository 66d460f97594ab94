"""The verb ``publish``: records as a folder that others can verify, and in the formats of leaderboards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.commands.recorded_cells import records_of
from harness.commands.request import PublishRequest
from harness.errors import BadInput
from harness.files.atomic import write_atomically, write_json
from harness.files.names import dataset_stem
from harness.reporting.leaderboards import every_eval_ever, hub
from harness.results.handed_over import copy_records
from harness.results.record import DoneRecord, require_done
from harness.results.store import Store, existing


def execute(request: PublishRequest) -> int:
    """Write the records of the cells and name the files. Returns 0."""
    store = existing(request.results)
    if request.to.resolve() == store.folder.resolve():
        raise BadInput(f"--to {request.to} is the results folder itself; name another folder")
    records = [require_done(record, "publish") for cell in request.cells for record in records_of(cell, store, request)]
    written = copy_records(records, store, Store(request.to))
    for record in records:
        path = request.to / "every_eval_ever" / every_eval_ever.file_of(record)
        write_json(path, every_eval_ever.content_of(record, request.by))
        written.append(path)
    written += _write_hub_files(records, request)
    for path in written:
        print(path)
    if request.benchmark is None:
        print(
            f"{hub.FOLDER} names the datasets as they are called here; before you hand it in, give the id of the "
            "benchmark's dataset on the Hub with --benchmark"
        )
    return 0


def _write_hub_files(records: Sequence[DoneRecord], request: PublishRequest) -> list[Path]:
    """Write one file per dataset. Raises BadInput for one benchmark and several datasets."""
    datasets = list(dict.fromkeys(record["dataset"] for record in records))
    if request.benchmark and len(datasets) > 1:
        raise BadInput(
            f"--benchmark {request.benchmark} is one dataset, but the cells are of {', '.join(datasets)}; publish the "
            "cells of each dataset by themselves"
        )
    written = []
    for dataset in datasets:
        path = request.to / hub.FOLDER / f"{dataset_stem(dataset)}.yaml"
        of_dataset = [record for record in records if record["dataset"] == dataset]
        text = hub.text_of(of_dataset, request.benchmark or dataset)
        write_atomically(path, lambda file, text=text: file.write(text.encode()))  # type: ignore[misc]
        written.append(path)
    return written
