"""Lists of images as datasets ship them: text, one line per image."""

from __future__ import annotations

from pathlib import Path

from harness.errors import BadInput


def read_lines(file: Path, fix: str) -> list[str]:
    """The lines of a list. Raises BadInput, naming the file and the ``fix``, if it cannot be read or is no text."""
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}); {fix}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not text in UTF-8 (byte {error.start} is not); {fix}") from error
