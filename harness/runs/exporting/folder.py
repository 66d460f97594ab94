"""The exported folder: written whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.datasets.base import Dataset
from harness.errors import BadInput
from harness.files.atomic import WRITING, write_json
from harness.files.hashing import file_digest
from harness.results.exported import (
    CARD,
    EXPORT_SCHEMA,
    EXPORTED_WEIGHTS,
    FACTS,
    ONNX_FILE,
    ExportedFacts,
    facts_digest,
)
from harness.runs.exporting.agreement import agreement
from harness.runs.exporting.embedder import Embedder
from harness.runs.exporting.onnx_file import write_onnx
from harness.training.augmentation import MEAN, STANDARD_DEVIATION


def write_exported(
    folder: Path, embedder: Embedder, weights: Path, dataset: Dataset | None, card: Callable[[ExportedFacts], str]
) -> ExportedFacts:
    """Write weights, facts and card, and the ONNX file once its features agree with PyTorch's.

    Args:
        folder: The new folder; it may be there if it is empty.
        embedder: The trained network, on the CPU.
        weights: The file of its weights.
        dataset: The data that the ONNX file is compared on; None leaves that file out.
        card: The text of the model card, from the facts.

    Returns:
        The facts, as written.

    Raises:
        BadInput: The folder holds files or cannot be written, or the network cannot be exported. Nothing is written.
        Disagreement: ONNX Runtime gives other features than PyTorch. Nothing is written.
    """
    with _new_folder(folder) as unfinished:
        facts: ExportedFacts = {
            "schema": EXPORT_SCHEMA,
            "network": embedder.facts,
            "dimensions": embedder.dimensions,
            "mean": list(MEAN),
            "standard_deviation": list(STANDARD_DEVIATION),
        }
        if dataset is not None:
            write_onnx(embedder, unfinished / ONNX_FILE)
            facts["agreement"] = agreement(embedder, unfinished / ONNX_FILE, dataset)
            facts["onnx"] = file_digest(unfinished / ONNX_FILE)
        shutil.copyfile(weights, unfinished / EXPORTED_WEIGHTS)
        (unfinished / CARD).write_text(card(facts), encoding="utf-8")
        write_json(unfinished / FACTS, {**facts, "digest": facts_digest(facts)})
    return facts


def require_new(folder: Path) -> None:
    """Raise BadInput if the folder holds files already, or is a file."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"--to {folder}: it is there already and not empty; name a new folder")


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, beside ``folder``, which takes that name at the end; if anything is raised, it is deleted."""
    require_new(folder)
    unfinished = folder.absolute().parent / f"{WRITING}{uuid.uuid4().hex}"
    try:
        unfinished.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        yield unfinished
        os.replace(unfinished, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _unwritable(folder: Path, error: OSError) -> BadInput:
    return BadInput(f"--to {folder} cannot be written ({error.strerror}); name another folder")
