"""What a node of a cluster does for a run. Importing this needs no torch: its child imports that."""

from __future__ import annotations

from harness.execution.job import Job
from harness.execution.launching import launch
from harness.results.record import Record


def carry_out_task(job: Job, timeout: float | None, start: object) -> list[Record]:
    """Carry out a job once the run that it starts from, whose answer is ``start``, is trained: the records written.

    Raises what ``launch`` raises.
    """
    launch(job, timeout, say=lambda line: None)
    return job.records()
