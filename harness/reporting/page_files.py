"""The files of pages. Each page carries its version, a hash of all the rest of it."""

from __future__ import annotations

import re
from pathlib import Path

from harness.errors import BadInput
from harness.files.atomic import write_atomically
from harness.files.hashing import canonical_hash

UNVERSIONED = 'data-version=""'
VERSION = re.compile(r'data-version="([0-9a-f]+)"')
HEAD = 300
"""Characters of a page that its version stands in."""
LIVE_PART = re.compile(r"^<!--live:begin-->\n.*?^<!--live:end-->\n", re.DOTALL | re.MULTILINE)
"""What only a watched page has (``live.html``, ``page.html``)."""


def write_page(path: Path, text: str, option: str = "--report") -> Path:
    """Write a page with its version. Raises BadInput, naming the ``option``, where the folder cannot be written."""
    return write_file(path, text.replace(UNVERSIONED, f'data-version="{canonical_hash(text)}"', 1).encode(), option)


def write_file(path: Path, content: bytes, option: str = "--report") -> Path:
    """Write a file of the report. Raises BadInput, naming the ``option``, where the folder cannot be written."""
    try:
        write_atomically(path, lambda file: file.write(content))
    except BadInput as error:
        raise BadInput(
            f"{path.parent}: pages cannot be written here ({error.__cause__}); choose another folder with {option}"
        ) from error
    return path


def page_versions(report: Path) -> dict[str, str]:
    """The version of each page of a report, by file name."""
    found = {}
    for page in sorted(report.glob("*.html")):
        with page.open(encoding="utf-8") as file:
            version = VERSION.search(file.read(HEAD))
        if version:
            found[page.name] = version[1]
    return found


def settle_pages(report: Path) -> None:
    """Take from every watched page of a report what made it look for newer ones: it is then as if never watched."""
    for page in sorted(report.glob("*.html")):
        text = page.read_text(encoding="utf-8")
        settled = LIVE_PART.sub("", text)
        if settled != text:
            write_page(page, VERSION.sub(UNVERSIONED, settled, count=1))
