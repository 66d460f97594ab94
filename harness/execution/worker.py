"""Carry out one job: ``python -m harness.execution.worker JOB.json``, alone or as one of torchrun's processes."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import redirect_stderr
from pathlib import Path

from harness.errors import BadInput
from harness.execution.first_error import leaving_first_error
from harness.execution.followers import release, serve
from harness.execution.job import Job
from harness.execution.launching import die_with_parent
from harness.execution.local import carry_out_run
from harness.progress import Watch
from harness.runs.context import RunContext
from harness.training.machine import Machine
from harness.training.world import World, process_group


def main(job_file: Path) -> int:
    """The command. Exit code 0: carried out; 1: failed; 2: bad input; 130: stopped. Errors stand beside the job."""
    die_with_parent()
    job = Job.read(job_file)
    try:
        with process_group(job.device) as world, leaving_first_error(job_file, world.rank):
            _carry_out(job, world)
    except KeyboardInterrupt:
        return 130
    except BadInput:
        return 2
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def _carry_out(job: Job, world: World) -> None:
    planner = job.planner()
    plan = job.plan(planner)
    run = plan.runs[job.run]
    device = f"cuda:{os.environ['LOCAL_RANK']}" if world.size > 1 and job.device == "cuda" else job.device
    machine = Machine.of(device, job.computation.bfloat16, job.computation.compiled)
    # The process that started this one reads progress from standard output; torch writes to standard error.
    with redirect_stderr(sys.stdout):
        watch = Watch(len(job.cells))
    context = RunContext(
        planner.shelf,
        planner.store,
        machine,
        watch,
        world,
        keep_images=job.keep_images,
        held=job.run if job.held else None,
        precision_asked=job.precision_asked,
        stop_degenerate=job.stop_degenerate,
    )
    if not world.is_leader:
        serve(context, plan)
        return
    for _ in carry_out_run(run, plan.cells_of(run), context):
        pass
    release(context)


if __name__ == "__main__":
    code = main(Path(sys.argv[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    if code:
        # At once: at their end Python and NCCL may wait for processes that wait for this one.
        os._exit(code)
