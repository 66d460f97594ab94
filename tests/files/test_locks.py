"""Locks: whether a file is locked, and folders whose locks do not hold."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys

import pytest

from harness.errors import BadInput
from harness.files.locks import is_held, require_locks
from harness.results.store import Store


def test_the_lock_of_another_process_is_seen_until_it_is_killed(tmp_path):
    file = tmp_path / "file"
    file.touch()
    script = (
        f"import fcntl, time; file = open({str(file)!r}); fcntl.flock(file, fcntl.LOCK_EX); "
        "print(flush=True); time.sleep(60)"
    )
    assert not is_held(file)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert is_held(file)
        process.kill()
    assert not is_held(file)
    assert not is_held(tmp_path / "absent")


def test_a_folder_whose_locks_hold_is_left_as_it_was(tmp_path):
    require_locks(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("lock_of", ["nobody", "everybody"])
def test_a_folder_whose_locks_do_not_hold_is_refused_before_anything_is_run(tmp_path, monkeypatch, lock_of):
    def flock(file, operation):
        if lock_of == "nobody":
            raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    said = {"nobody": "has no locks", "everybody": "grants one lock twice"}[lock_of]
    with pytest.raises(BadInput, match=rf"{tmp_path}: its file system {said}.*; mount it with locks .*--results$"):
        Store(tmp_path).require_writable()
    assert list(tmp_path.iterdir()) == []
