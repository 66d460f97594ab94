"""How a command ends where the system refuses a file, and on a terminal that lacks a character."""

import os
import subprocess
import sys

import pytest

from harness.commands.exit_code import exit_code_of


def raising(error):
    def command():
        raise error

    return command


def test_a_file_that_the_system_refuses_is_named_in_one_line(capsys):
    assert exit_code_of(raising(PermissionError(13, "Permission denied", "/data/Market-1501")), "stopped") == 2
    assert capsys.readouterr().err == ("error: /data/Market-1501: Permission denied; fix that and start again\n")


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), OSError("of a library's own")])
def test_what_the_system_refuses_without_naming_a_file_keeps_its_traceback(error):
    with pytest.raises(OSError):
        exit_code_of(raising(error), "stopped")


def test_a_character_that_the_terminal_lacks_is_replaced():
    script = "from harness.commands.exit_code import exit_code_of; exit_code_of(lambda: print('✓ é'), 'stopped')"
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False)
    assert (done.stdout, done.stderr) == ("? é\n".encode("latin-1"), b"")
