"""Records of others: ``imported/<name>/`` below a results folder is a results folder of its own.

They were not run here. ``verified.json`` names those that were scored again here, each by the digest of its record, so
that a record that changes afterwards is no longer verified.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from harness.errors import BadInput
from harness.files.atomic import WRITING, write_json
from harness.results.handed_over import copy_records
from harness.results.reading import read_file
from harness.results.record import DoneRecord, Record, record_digest, record_label
from harness.results.store import FoundRecords, Store

FOLDER = "imported"
VERIFIED = "verified.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class Verified(TypedDict):
    """``verified.json``: digests of the records that were scored again here, each with its label."""

    records: dict[str, str]


@dataclass(frozen=True)
class ImportedRecords:
    """The records of one imported folder. ``verified`` are the digests of those that were scored again here."""

    name: str
    folder: Path
    found: FoundRecords
    verified: frozenset[str]

    def is_verified(self, record: Record) -> bool:
        """Whether the record was scored again here, and has not changed since."""
        return record_digest(record) in self.verified


def import_records(source: Store, target: Store, name: str) -> list[DoneRecord]:
    """Copy the evaluated records of another's results folder below ``imported/<name>``, whole or not at all.

    Raises BadInput, naming the file, for a damaged, altered or incomplete record, for a folder without any, and for a
    name that cannot be used or is taken.
    """
    if not NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no name for a folder here; give letters, digits, '-' and '_' with --as")
    final = target.folder / FOLDER / name
    if final.exists():
        raise BadInput(f"{final} is there already; delete it, or give another name with --as")
    found = source.find_records()
    if found.damaged:
        raise BadInput(f"{found.damaged[0].sentence}; nothing was imported")
    done = [record for record in found.records if record["status"] == "done"]
    if not done:
        raise BadInput(f"{source.folder} holds no evaluated record (records/<table>/*.json); nothing was imported")
    unfinished = final.with_name(f"{WRITING}{name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        copy_records(done, source, Store(unfinished))
        unfinished.rename(final)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return done


def imported_records(store: Store) -> Iterator[ImportedRecords]:
    """The imported folders of a results folder, sorted by name."""
    for folder in sorted((store.folder / FOLDER).glob("*")):
        if folder.is_dir() and not folder.name.startswith("."):
            yield ImportedRecords(folder.name, folder, Store(folder).find_records(), frozenset(_verified(folder)))


def is_imported(store: Store) -> bool:
    """Whether the folder holds records that were not run here."""
    return store.folder.resolve().parent.name == FOLDER


def note_verification(store: Store, record: DoneRecord, agrees: bool) -> None:
    """Note whether a record of an imported folder, scored again here, agrees with what is stored beside it."""
    others = {digest: label for digest, label in _verified(store.folder).items() if digest != record_digest(record)}
    own = {record_digest(record): record_label(record)} if agrees else {}
    content: Verified = {"records": {**others, **own}}
    write_json(store.folder / VERIFIED, content)


def _verified(folder: Path) -> dict[str, str]:
    path = folder / VERIFIED
    if not path.exists():
        return {}
    content: Verified = read_file(path, Verified, "delete it and verify the records again")
    return content["records"]
