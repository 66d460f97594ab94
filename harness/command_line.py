"""How every command ends: its exit code, and one sentence where something is wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from harness.errors import BadInput


def exit_code_of(command: Callable[[], int], when_stopped: str) -> int:
    """Run a command. 2 with one sentence for bad input; 130 saying ``when_stopped`` for Ctrl-C; 1 for a closed pipe."""
    try:
        return command()
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(when_stopped, file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
