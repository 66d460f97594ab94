"""What the pages of the project show: their blocks of code, and the commands in them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page.relative_to(ROOT)
    for pattern in ("*.md", "docs/**/*.md", "methods/**/README.md", "results/**/README.md", "reports/README.md")
    for page in ROOT.glob(pattern)
)
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANSWERED = re.compile(r"^```sh\n([^`]*?)^```\n\n```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:^ {4}\S.*\n)+", re.MULTILINE)
INLINE = re.compile(r"`((?:reid-tables \w+|python -m harness\.\w+) [^`]+)`")
VERB = re.compile(r"`reid-tables ([a-z-]+)`")
IN_A_CONTAINER = re.compile(r"docker run .*(?=\breid-tables:\w+ )")
COMMAND = re.compile(r"(?:reid-tables(?::\w+)?|python -m harness\.(?:run|data|report)|sbatch harness/\S+)(?= |$)")
PLACEHOLDERS = {"VERB", "..."}
"""Words of a line that stands for many commands."""


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in this language; "" names those without one."""
    return [text for found, text in FENCED.findall((ROOT / page).read_text(encoding="utf-8")) if found == language]


def commands(page: Path) -> list[list[str]]:
    """Every command of the project that a page shows, in words, without what comes before and after it in a shell."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return _commands_in(
        [*blocks(page, "sh"), *blocks(page, ""), *INDENTED.findall(FENCED.sub("", text)), *INLINE.findall(text)]
    )


def answers(page: Path) -> dict[str, str]:
    """What a page says that a command prints, by the command: the last of a block of code before a block of text."""
    found = ANSWERED.findall((ROOT / page).read_text(encoding="utf-8"))
    return {shlex.join(_commands_in([code])[-1]): text for code, text in found}


def _commands_in(code: list[str]) -> list[list[str]]:
    lines = "\n".join(code).replace("\\\n", " ").splitlines()
    parts = [part.strip() for line in lines for part in re.split(r"&&|\|| > ", line.partition(" #")[0])]
    found = [shlex.split(part) for part in (IN_A_CONTAINER.sub("", part) for part in parts) if COMMAND.match(part)]
    return [words for words in found if not PLACEHOLDERS & {*words}]
