"""The command in processes of its own, without waiting for imports each time."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import methods
from harness.run import main

PRELOADED = ("harness.commands.run", "harness.execution.local", "harness.run")


class Processes:
    """Start processes from a fork server that has all of the harness imported and has computed nothing."""

    def __init__(self) -> None:
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload([*PRELOADED])

    def start(self, plugins: Path, said: Path, arguments) -> multiprocessing.process.BaseProcess:
        """A process that carries out the command with the methods of a folder; what it says is added to a file."""
        process = self.context.Process(target=carry_out, args=(str(plugins), str(said), [*map(str, arguments)]))
        process.start()
        return process


def carry_out(plugins: str, said: str, arguments: list[str]) -> None:
    """The command as a user starts it."""
    methods.__path__[:] = [plugins]
    os.setpgrp()
    with Path(said).open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    raise SystemExit(main(arguments))


def wait_for(line: str, said: Path, process: multiprocessing.process.BaseProcess) -> None:
    """Return once a process has said a line, or has ended."""
    while process.is_alive() and not (said.exists() and line in said.read_text()):
        time.sleep(0.005)
