"""The verb ``export``: a cell's network as safetensors and ONNX, with a model card."""

from __future__ import annotations

from harness.commands.recorded_cells import records_of
from harness.commands.request import Request
from harness.errors import BadInput
from harness.plan.shelf import Shelf
from harness.reporting.model_card import model_card
from harness.results.exported import Agreement
from harness.results.record import record_label
from harness.results.store import existing
from harness.runs.exporting.agreement import LEAST_COSINE, Disagreement
from harness.runs.exporting.folder import require_new, write_exported
from harness.runs.exporting.loading import load_recorded, only_record
from harness.runs.exporting.onnx_file import require_exporter


def execute(request: Request) -> int:
    """Write the folder and print what was compared. Returns 1, and writes nothing, if ONNX Runtime disagrees; else 0.

    Raises BadInput for a cell, data or a folder that cannot be used, and for a network without an ONNX form.
    """
    assert request.to is not None
    require_new(request.to)
    store = existing(request.results)
    record = only_record(records_of(request.cells[0], store, request), "--profile and --seed")
    embedder = load_recorded(record, store, "cpu")
    dataset = None
    if request.onnx:
        shelf = Shelf(request.data_root)
        missing = shelf.missing(record["dataset"])
        if missing:
            raise BadInput(f"ONNX is compared on images of the cell's data, but {missing} Or give --no-onnx.")
        require_exporter()
        dataset = shelf.dataset(record["dataset"], record["seed"])
    manifest = store.run_manifest(record["run"])
    assert manifest is not None
    trained_on = manifest["configuration"]["dataset"]
    try:
        facts = write_exported(
            request.to,
            embedder,
            store.trained_weights(manifest),
            dataset,
            lambda facts: model_card(record, facts, trained_on),
        )
    except Disagreement as found:
        needed = f"every cosine must exceed {LEAST_COSINE}"
        print(f"✗ {record_label(record)}: {_in_words(found.agreement)}; {needed}, so nothing is written")
        return 1
    if "agreement" in facts:
        print(f"✓ {record_label(record)}: {_in_words(facts['agreement'])}")
    print(f"exported: {request.to}")
    return 0


def _in_words(agreement: Agreement) -> str:
    return (
        f"ONNX Runtime against PyTorch on {agreement['images']} images of {agreement['dataset']}: greatest difference "
        f"{agreement['greatest_difference']:.2g}, least cosine {agreement['least_cosine']:.7f}"
    )
