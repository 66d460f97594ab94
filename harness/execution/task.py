"""The task of one run on a node of a cluster. Importing this needs no torch: its child process imports it."""

from __future__ import annotations

from harness.execution.job import Job
from harness.execution.launching import launch
from harness.results.record import Record


def carry_out_task(job: Job, timeout: float | None, start: object) -> list[Record]:
    """Carry out a job and return the records written. Ray calls it once ``start``, the run it starts from, is trained.

    Raises the errors of ``launch``.
    """
    launch(job, timeout, say=lambda line: None)
    return job.records()
