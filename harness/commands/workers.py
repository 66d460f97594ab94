"""``run --workers N``: start N workers on this machine and pass on what they say."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace

from harness.commands.request import Request
from harness.errors import BadInput
from harness.execution.launching import STOP_SECONDS, die_with_parent
from harness.machine.device import choose_device
from harness.machine.threads import cores, shares_of_cores
from harness.plan.plan import Plan

STOPPED = 130


@dataclass(frozen=True)
class Share:
    """The part of this machine that one worker has: settings of its environment, and its cores (empty means all)."""

    environment: Mapping[str, str]
    cores: frozenset[int] = frozenset()


def carry_out(request: Request, plan: Plan) -> int:
    """Start the workers, wait for them, and return the exit code of the whole.

    A worker that is killed does not matter while another is left: that one takes over its run.
    Raises BadInput for more workers than the plan has runs, or than this machine has GPUs for.
    """
    count = _count(request, plan)
    own = replace(request, workers=1)
    workers = [_Worker(own, number, share) for number, share in enumerate(shares(request, count), 1)]
    try:
        codes = [worker.wait() for worker in workers]
    except KeyboardInterrupt:
        for worker in workers:
            worker.stop()
        raise
    finally:
        for worker in workers:
            worker.kill()
    return _exit_code(codes)


def shares(request: Request, count: int) -> list[Share]:
    """The share of this machine for each of ``count`` workers.

    On GPUs, a worker has those of one run, and its part of the cores as threads. On the CPU, a worker has its part of
    the cores, but computes with as many threads as a single worker: the number of threads changes the order of sums, so
    figures would differ from a single worker's in the last digits.
    """
    import torch

    chosen = os.environ.get("OMP_NUM_THREADS")
    if choose_device(request.device) == "cpu":
        environment = {"OMP_NUM_THREADS": chosen or str(torch.get_num_threads())}
        return [Share(environment, frozenset(share)) for share in shares_of_cores(count)]
    threads = chosen or str(max(1, cores() // count))
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    visible = named.split(",") if named else [str(index) for index in range(torch.cuda.device_count())]
    groups = [visible[index * request.gpus_per_run :][: request.gpus_per_run] for index in range(count)]
    return [Share({"CUDA_VISIBLE_DEVICES": ",".join(group), "OMP_NUM_THREADS": threads}) for group in groups]


def _count(request: Request, plan: Plan) -> int:
    """The number of workers to start: no more than there are runs left."""
    wanted, runs = request.workers, len(plan.runs)
    if wanted > runs:
        raise BadInput(f"--workers {wanted}: these tables have {runs} runs; use {max(1, runs)} or fewer")
    left = {run.id for planned in plan.pending for run in planned.needed_run.lineage}
    return max(1, min(wanted, len(left)))


class _Worker:
    """One worker. Each line that it says is passed on behind its number."""

    def __init__(self, request: Request, number: int, share: Share) -> None:
        self.number = number
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.commands.one_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
                **share.environment,
            },
            # Out of the terminal's group: Ctrl-C reaches it through this process, once.
            start_new_session=True,
            preexec_fn=lambda: _enter(share),
        )
        assert self.process.stdin
        with self.process.stdin as given:
            given.write(pickle.dumps(request))
        self.reader = threading.Thread(target=self._pass_on, daemon=True)
        self.reader.start()

    def wait(self) -> int:
        """Wait until it ends. Returns its exit code, or the negative number of the signal that ended it."""
        code = self.process.wait()
        self.reader.join()
        if code < 0:
            print(f"worker {self.number} was killed by {signal.Signals(-code).name}; others take over its run")
        return code

    def stop(self) -> None:
        """Ask it to write a checkpoint and leave."""
        self.process.terminate()

    def kill(self) -> None:
        """Wait until it has left, and kill it if that takes too long."""
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _pass_on(self) -> None:
        assert self.process.stdout
        with self.process.stdout as said:
            for line in said:
                print(f"worker {self.number}: {line.decode(errors='replace')}", end="", flush=True)


def _enter(share: Share) -> None:
    die_with_parent()
    if share.cores:
        os.sched_setaffinity(0, share.cores)


def _exit_code(codes: list[int]) -> int:
    """The worst exit code of the workers that ended by themselves; 1 if none did."""
    ended = [code for code in codes if code >= 0]
    return STOPPED if STOPPED in ended else max(ended, default=1)
