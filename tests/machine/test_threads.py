"""Threads: idle ones sleep, and processes that share a machine have cores of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.machine import threads
from harness.machine.threads import SLEEPING, WAIT_POLICY, shares_of_cores


@pytest.mark.parametrize(
    ("own", "processes", "shares"),
    [
        ({0, 1}, 1, [{0, 1}]),
        ({4, 5, 6, 7}, 2, [{4, 5}, {6, 7}]),
        ({0, 1, 2, 3, 4}, 2, [{0, 1}, {2, 3, 4}]),
        ({0, 3}, 4, [{0}, {3}, {0}, {3}]),
    ],
)
def test_processes_get_the_cores_in_equal_parts(monkeypatch, own, processes, shares):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: own, raising=False)
    assert shares_of_cores(processes) == shares


def test_where_no_process_may_choose_its_cores_none_are_chosen(monkeypatch):
    monkeypatch.delattr(threads.os, "sched_getaffinity", raising=False)
    assert shares_of_cores(2) == [set(), set()]


def test_every_command_lets_idle_threads_sleep_before_it_imports_torch_unless_the_user_chose():
    script = (
        "import os, sys; from harness.commands.main import perform; from harness.commands.request import Request;"
        "perform(lambda: Request('list'));"
        "print('torch' in sys.modules, os.environ.get('GOMP_SPINCOUNT'), os.environ.get('KMP_BLOCKTIME'))"
    )
    for chosen, wanted in (
        ({}, "1000 0"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "None None"),
        ({"GOMP_SPINCOUNT": "7"}, "7 0"),
    ):
        unset = {*SLEEPING, WAIT_POLICY}
        environment = {name: value for name, value in os.environ.items() if name not in unset} | chosen
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.splitlines()[-1] == f"False {wanted}"
