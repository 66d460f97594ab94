"""Reads the JSON files of a results folder and checks their fields."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from harness.errors import BadInput
from harness.results.fields import missing_field
from harness.results.record import SCHEMA, DoneRecord, FailedRecord, Record, record_digest

RECORD_FIX = "delete it and start again; a run that is kept is only evaluated again"
KINDS: dict[str, type] = {"done": DoneRecord, "failed": FailedRecord}
"""Fields of a record by its status."""


@dataclass(frozen=True)
class Damaged:
    """A file that cannot be used. ``reason`` says why, and what to do."""

    path: Path
    reason: str

    @classmethod
    def by(cls, path: Path, error: BadInput) -> Damaged:
        """A file that raised ``error`` when it was read."""
        return cls(path, str(error).removeprefix(f"{path}: "))

    @property
    def sentence(self) -> str:
        """File, reason and fix in one sentence."""
        return f"{self.path}: {self.reason}"

    @property
    def table(self) -> str:
        """Id of the table that it belongs to: the folder of a record, the file of measured costs."""
        folder = self.path.parent.name
        return self.path.stem if folder == "complexity" else folder


def read_record(path: Path) -> Record:
    """The record in a file. Raises BadInput, naming the file and the fix, if it is damaged or of another schema."""
    content = _read_object(path, RECORD_FIX)
    if content.get("schema") != SCHEMA:
        schema = f"schema {content['schema']}" if "schema" in content else "no known schema"
        raise BadInput(f"{path}: written in {schema}, this harness reads schema {SCHEMA}; {RECORD_FIX}")
    if content.get("digest") != record_digest(cast(Record, content)):
        raise BadInput(f"{path}: changed since it was written (its digest does not match); {RECORD_FIX}")
    kind = KINDS.get(str(content.get("status")))
    if kind is None:
        raise BadInput(f"{path}: its status is neither {' nor '.join(KINDS)}; {RECORD_FIX}")
    return cast(Record, _whole(content, path, kind, RECORD_FIX))


def read_file(path: Path, kind: type, fix: str) -> Any:
    """The TypedDict ``kind`` that a JSON file holds. Raises BadInput, naming the file and the ``fix``."""
    return _whole(_read_object(path, fix), path, kind, fix)


def _read_object(path: Path, fix: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); make it readable") from error
    except ValueError as error:
        raise BadInput(f"{path}: damaged, not valid JSON ({error}); {fix}") from error
    if not isinstance(content, dict):
        raise BadInput(f"{path}: damaged, not a JSON object; {fix}")
    return content


def _whole(content: dict[str, Any], path: Path, kind: type, fix: str) -> dict[str, Any]:
    missing = missing_field(content, kind)
    if missing:
        raise BadInput(f"{path}: not whole ({missing!r} is missing or of another type); {fix}")
    return content
