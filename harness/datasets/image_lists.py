"""Lists of images as datasets ship them: text, a line an image."""

from __future__ import annotations

from pathlib import Path

from harness.errors import BadInput


def lines_of(file: Path, mend: str) -> list[str]:
    """The lines of a list. Raises BadInput, naming the file and the ``mend``, where it cannot be read or is no text."""
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BadInput(f"{file} cannot be read ({error.strerror}); {mend}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not text in UTF-8 (byte {error.start} is none of it); {mend}") from error
