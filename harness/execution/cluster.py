"""Carry out a plan as Ray tasks, one for each run: on this machine, or on every node of a cluster."""

from __future__ import annotations

import logging
import os
import signal
from typing import Any

from harness.errors import BadInput, FailedElsewhere, Killed, Unwritable
from harness.execution.job import Job
from harness.execution.launching import STOP_SECONDS
from harness.execution.local import one_line
from harness.execution.task import carry_out_task
from harness.plan.plan import Plan, PlannedCell, Run
from harness.results.record import Record
from harness.runs.context import RunContext
from harness.runs.failures import record_failure

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
# Where Ray is started here: a run gets the priority of the command, as it does without Ray, not the lowest but four.
os.environ.setdefault("RAY_worker_niceness", "0")
try:
    import ray
    from ray.exceptions import OutOfMemoryError, RayError, RayTaskError, TaskCancelledError
except ImportError as error:
    raise BadInput("--executor ray needs Ray, which is not installed: pip install -e '.[cluster]'") from error

TRIES_MORE = 3
"""How often a run is started again after its process or node died; each time it goes on from its last checkpoint."""


def carry_out(plan: Plan, context: RunContext, timeout: float | None) -> list[Record]:
    """Run every pending cell and return the records, as ``local.carry_out`` does; a run waits for that it starts from.

    Tasks go to the cluster that ``RAY_ADDRESS`` names, else to the one that this machine is a node of, else to this
    machine alone. The results folder has the same absolute path on every node.
    """
    heard = signal.getsignal(signal.SIGTERM)
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    # Ray replaces the handler by its own, which would end this process at once.
    signal.signal(signal.SIGTERM, heard)
    try:
        return _collected(_submitted(plan, context, timeout), plan, context)
    finally:
        ray.shutdown()


def _submitted(plan: Plan, context: RunContext, timeout: float | None) -> dict[Any, Run]:
    """One task per run that is needed and not trained yet, or has cells to evaluate."""
    cells_of: dict[Run, list[PlannedCell]] = {}
    for planned in plan.pending:
        for run in planned.needed_run.lineage:
            cells_of.setdefault(run, []).append(planned)
    tasks: dict[Run, Any] = {}
    for run in plan.runs.values():
        own = [planned for planned in cells_of.get(run, []) if planned.run is run]
        if not own and (run not in cells_of or context.store.run_manifest(run.id)):
            continue
        # A run without cells of its own is planned from a cell of a run that starts from it.
        cells = own or cells_of[run][:1]
        job = Job.of(run, cells, context)
        tasks[run] = _task(job).remote(job, timeout, tasks.get(run.parent) if run.parent else None)
    return {task: run for run, task in tasks.items()}


def _task(job: Job) -> Any:
    """The Ray task of a job, with the CPUs and GPUs it needs. Raises BadInput if no node has them."""
    processes = job.computation.processes
    needed = {"GPU": processes, "CPU": processes} if job.device.startswith("cuda") else {"CPU": processes}
    if not any(all(node["Resources"].get(kind, 0) >= processes for kind in needed) for node in ray.nodes()):
        kinds = " and ".join(f"{kind}s" for kind in needed)
        raise BadInput(f"--gpus-per-run {processes}: no node of the cluster has {processes} {kinds}; use fewer")
    task: Any = ray.remote(carry_out_task)
    return task.options(
        num_cpus=processes,
        num_gpus=needed.get("GPU", 0),
        max_retries=TRIES_MORE,
        retry_exceptions=[Killed],
    )


def _collected(tasks: dict[Any, Run], plan: Plan, context: RunContext) -> list[Record]:
    """The records of all tasks. Each is shown when its task is done."""
    records: list[Record] = []
    try:
        while tasks:
            (done,), _ = ray.wait(list(tasks))
            run = tasks.pop(done)
            try:
                found = _answer(done)
            except (Unwritable, KeyboardInterrupt):
                raise
            except Exception as error:
                found = record_failure(plan.pending_of(run), context.store, error)
            for record in found:
                context.watch.step(one_line(record))
            records += found
    except BaseException:
        _stop(list(tasks))
        raise
    return records


def _answer(task: Any) -> list[Record]:
    """The records of a finished task. Raises the task's own error, or the end of its process."""
    try:
        answer: list[Record] = ray.get(task)
        return answer
    except RayTaskError as error:
        cause = error.cause
        # An error of the run that this one starts from is wrapped once more.
        while isinstance(cause, RayTaskError):
            cause = cause.cause
        raise cause from None
    except TaskCancelledError:
        raise KeyboardInterrupt from None
    except OutOfMemoryError as error:
        raise FailedElsewhere("out of memory", str(error)) from None
    except RayError as error:
        raise Killed("killed", f"tried {TRIES_MORE + 1} times: {error}") from None


def _stop(tasks: list[Any]) -> None:
    """Ask the running tasks to write a checkpoint and leave, and wait for them."""
    for task in tasks:
        ray.cancel(task)
    if tasks:
        ray.wait(tasks, num_returns=len(tasks), timeout=STOP_SECONDS)
