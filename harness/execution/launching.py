"""Carry out a job in a child process, or under torchrun in one for each GPU: watched, and ended with this process."""

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
from harness.machine.threads import cores

CHECK_EVERY_ITERATIONS = 0.25
"""Seconds between looks at a child."""
TIME_TO_STOP = 60.0
"""Seconds that a child has to write a checkpoint when it is asked to stop."""
TORCHRUNS_OWN_TIME = 10.0
"""Seconds of that which torchrun keeps to end processes that did not stop."""
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def launch(job: Job, timeout: float | None, say: Callable[[str], None]) -> None:
    """Carry out a job in a child, telling ``say`` each line of its progress.

    A child is ended ``timeout`` seconds after its last sign of life: a line of progress, or a change in the folder of
    its run. Raises what ended the child early: FailedElsewhere with the cause, BadInput, or KeyboardInterrupt where it
    was asked to stop. KeyboardInterrupt here is passed on to it, and waits until it has written a checkpoint.
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
    """Have Linux kill this process when the thread that started it ends, however that ends."""
    if LIBC:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class _Child:
    """The process of a job, with what it printed in files beside the job's."""

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
        """0, an exit code, or the negative number of the signal that ended it."""
        return self.process.returncode

    def wait(self, timeout: float | None) -> None:
        """Pass on its progress until it ends. Raises FailedElsewhere for a ``timeout`` without a sign of life."""
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
        """Ask it to write a checkpoint and leave, and give it the time."""
        self.process.terminate()
        try:
            self.process.wait(TIME_TO_STOP)
        except subprocess.TimeoutExpired:
            self.say(f"the run did not stop within {TIME_TO_STOP:.0f} s and was killed; it keeps its last checkpoint")

    def kill(self) -> None:
        """End it, unless it has; torchrun's processes, which have groups of their own, end with torchrun."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.progress.close()

    def last_lines(self) -> list[str]:
        """The end of what it printed of errors."""
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
    """This process's, in which a child finds the same packages, no more threads than there are cores, time to stop."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
    if processes > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, cores() // processes)))
        # By itself torchrun gives its processes 30 s.
        environment.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", f"{TIME_TO_STOP - TORCHRUNS_OWN_TIME:.0f}")
    return environment


def _newest_change(folder: Path) -> float:
    """When a file in a folder was last changed, in seconds; files may vanish while one looks."""
    newest = 0.0
    for path in folder.rglob("*"):
        try:
            newest = max(newest, path.stat().st_mtime)
        except FileNotFoundError:
            continue
    return newest


def _cause(child: _Child, job_file: Path) -> BaseException:
    """Why a child ended early: a signal, the first error that its processes left, or its exit code.

    torchrun ends the others with SIGTERM where one of them failed, so that alone tells of no failure.
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
    """The signals that ended a child or, as torchrun tells, its processes."""
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
    """How many processes Linux has killed for want of memory since it was started; 0 where that is not told."""
    counters = Path("/proc/vmstat")
    found = re.search(r"^oom_kill (\d+)$", counters.read_text(), re.MULTILINE) if counters.exists() else None
    return int(found[1]) if found else 0
