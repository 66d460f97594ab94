"""Carry out a job in a child process, or under torchrun in one process per GPU. The child ends with this process."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from harness.errors import BadInput, FailedElsewhere, Killed
from harness.execution.first_error import errors_left
from harness.execution.job import Job
from harness.machine.threads import cores, sleeping_threads
from harness.results.store import LOCK

CHECK_EVERY_ITERATIONS = 0.25
"""Seconds between looks at a child."""
STOP_SECONDS = 60.0
"""Time that a child has to write a checkpoint when it is asked to stop."""
TORCHRUN_SECONDS = 10.0
"""The part of it that torchrun keeps to end processes that did not stop."""
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def launch(job: Job, timeout: float | None, say: Callable[[str], None]) -> None:
    """Carry out a job in a child process; ``say`` gets each line of its progress.

    A child is ended ``timeout`` seconds after its last sign of life: a line of progress, or a change in the folder of
    its run. KeyboardInterrupt is passed on to the child, which then writes a checkpoint.

    Raises:
        FailedElsewhere: The child failed; the error holds the typed cause.
        BadInput: The child found bad input.
        KeyboardInterrupt: The child was asked to stop.
    """
    with TemporaryDirectory(prefix="harness-job-") as folder:
        job_file = Path(folder) / "job.json"
        job.write(job_file)
        child = _Child(job, job_file, say)
        try:
            child.wait(timeout)
        except KeyboardInterrupt:
            child.stop()
            raise
        finally:
            child.kill()
        if child.returncode:
            raise _cause(child, job_file)


def die_with_parent() -> None:
    """Let Linux kill this process when the thread that started it ends."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class _Child:
    """The child process of a job. Its output goes to files beside the job."""

    def __init__(self, job: Job, job_file: Path, say: Callable[[str], None]) -> None:
        self.say = say
        self.run_folder = Path(job.results) / "runs" / job.run
        self.errors = job_file.with_name("stderr.txt")
        progress = job_file.with_name("progress.txt")
        self.killed_for_memory_before = _killed_for_memory()
        with progress.open("a") as printed, self.errors.open("a") as errors:
            self.process = subprocess.Popen(
                _command(job.computation.processes, job_file),
                stdout=printed,
                stderr=errors,
                stdin=subprocess.DEVNULL,
                env=_environment(job.computation.processes),
                # Out of the terminal's group: Ctrl-C reaches it through this process, once.
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self.progress = progress.open(encoding="utf-8", errors="replace")

    @property
    def returncode(self) -> int:
        """The exit code, or the negative number of the signal that ended it."""
        return self.process.returncode

    def wait(self, timeout: float | None) -> None:
        """Pass on its progress until it ends. Raises FailedElsewhere after ``timeout`` seconds of silence."""
        last_sign, last_change = time.monotonic(), 0.0
        while self.process.poll() is None:
            time.sleep(CHECK_EVERY_ITERATIONS)
            change = _newest_change(self.run_folder) if timeout else 0.0
            if self._pass_on() or change > last_change:
                last_sign, last_change = time.monotonic(), change
            if timeout and time.monotonic() - last_sign > timeout:
                message = f"no line of progress and no change in {self.run_folder} for {timeout / 60:g} minutes"
                raise FailedElsewhere("timeout", message, self.last_lines())
        self._pass_on()

    def stop(self) -> None:
        """Ask it to write a checkpoint and leave, and wait for it."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.say(f"the run did not stop within {STOP_SECONDS:.0f} s and was killed; it keeps its last checkpoint")

    def kill(self) -> None:
        """Kill it if it still runs. torchrun's processes have groups of their own and end with torchrun."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.progress.close()

    def last_lines(self) -> list[str]:
        """The last lines of its error output."""
        return self.errors.read_text(errors="replace").splitlines()[-15:]

    def _pass_on(self) -> bool:
        lines = self.progress.readlines()
        for line in lines:
            self.say(line.rstrip("\n"))
        return bool(lines)


def _command(processes: int, job_file: Path) -> list[str]:
    worker = ["-m", "harness.execution.worker", str(job_file)]
    if processes == 1:
        return [sys.executable, *worker]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [sys.executable, *torchrun, *worker]


def _environment(processes: int) -> dict[str, str]:
    """The environment of a child: the same packages, no more threads than cores, idle ones asleep, and time to stop."""
    environment = {
        **sleeping_threads(),
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
    }
    if processes > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, cores() // processes)))
        # torchrun's own default is 30 s.
        environment.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", f"{STOP_SECONDS - TORCHRUN_SECONDS:.0f}")
    return environment


def _newest_change(folder: Path) -> float:
    """When a file in a folder was last changed, in seconds since the epoch. Files may vanish meanwhile."""
    newest = 0.0
    # Workers that look whether a run is free change its lock, whether it lives or not.
    for path in (path for path in folder.rglob("*") if path.name != LOCK):
        try:
            newest = max(newest, path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return newest


def _cause(child: _Child, job_file: Path) -> BaseException:
    """Why a child ended early: a signal, the first error that its processes left, or its exit code.

    When one process fails, torchrun ends the others with SIGTERM: that signal alone is no failure.
    """
    signals, words = _signals_of(child), errors_left(job_file)
    for number in signals:
        if number != signal.SIGTERM:
            return _killed(number, child)
    for word in words:
        if word.kind != "stopped":
            return BadInput(word.message) if word.kind == "bad input" else word.as_error()
    if signals or words:
        return KeyboardInterrupt()
    return FailedElsewhere("error", f"its process ended with exit code {child.returncode}", child.last_lines())


def _signals_of(child: _Child) -> list[int]:
    """The signals that ended a child, or its processes as torchrun reports them."""
    if child.returncode < 0:
        return [-child.returncode]
    return [int(number) for number in re.findall(r"exitcode\s*: -(\d+)", child.errors.read_text(errors="replace"))]


def _killed(number: int, child: _Child) -> Killed:
    name = signal.Signals(number).name
    if number == signal.SIGKILL and _killed_for_memory() > child.killed_for_memory_before:
        message = f"killed by {name} while this machine, out of memory, was killing processes"
        return Killed("out of memory", message, child.last_lines())
    return Killed("killed", f"killed by {name}", child.last_lines())


def _killed_for_memory() -> int:
    """Processes that Linux killed for lack of memory since it booted; 0 where that is not known."""
    counters = Path("/proc/vmstat")
    found = re.search(r"^oom_kill (\d+)$", counters.read_text(), re.MULTILINE) if counters.exists() else None
    return int(found[1]) if found else 0
