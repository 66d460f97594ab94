"""Load a trained network: from a recorded cell, or from a folder that was exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from harness import registry
from harness.errors import BadInput, unknown_name_error
from harness.files.hashing import file_digest
from harness.machine.device import choose_device
from harness.recipe import Profile
from harness.results.exported import (
    EXPORT_SCHEMA,
    EXPORTED_WEIGHTS,
    FACTS,
    ONNX_FILE,
    ExportedFacts,
    NetworkFacts,
    facts_digest,
)
from harness.results.reading import read_file
from harness.results.record import DoneRecord, Record, record_label, require_done
from harness.results.store import Store, existing
from harness.runs.exporting.embedder import Embedder
from harness.runs.exporting.network import EmbeddingNetwork
from harness.training.final_weights import read_weights

EXPORT_FIX = "export the cell again (reid-tables export CELL --to DIR)"
IMAGE_FACTS = ("infrared",)
"""Priors that are facts of an image, not estimates: a caller can give them."""


def load(
    trained: str | Path,
    results: str | Path = "results",
    profile: Profile | None = None,
    seed: int | None = None,
    device: str | None = None,
) -> Embedder:
    """The network of an exported folder, or of a recorded cell as printed.

    Args:
        trained: The folder, or the address of the cell, ``mpn_ablation-MPN-market1501``.
        results: The results folder that holds the cell.
        profile: The profile of the cell's record, if there are several.
        seed: Its seed, if there are several.
        device: ``cpu``, ``cuda`` or ``cuda:N``; None means CUDA where there is a GPU.

    Raises:
        BadInput: There is no such folder or cell, several records fit, or a file is missing, altered or of another
            network.
    """
    if Path(trained).is_dir():
        return load_exported(Path(trained), device)
    store = existing(Path(results), "results")
    records = [record for record in store.records() if "settings" not in record]
    own = [record for record in records if record["cell"] == trained]
    if not own:
        raise unknown_name_error("exported folder or recorded cell", str(trained), [each["cell"] for each in records])
    fitting = [record for record in own if profile in (None, record["profile"]) and seed in (None, record["seed"])]
    return load_recorded(only_record(fitting or own, "profile and seed"), store, device)


def only_record(records: Sequence[Record], chosen_by: str) -> DoneRecord:
    """The one record of a cell. Raises BadInput if it failed, or if there are several to choose from."""
    if len(records) > 1:
        labels = "; ".join(record_label(record) for record in records)
        raise BadInput(f"one network is loaded, and there are {len(records)} records; choose by {chosen_by}: {labels}")
    return require_done(records[0], "load")


def load_recorded(record: DoneRecord, store: Store, device: str | None = None) -> Embedder:
    """The network of a recorded cell. Raises BadInput as ``load`` does."""
    reads_infrared = _reads_infrared(record)
    manifest = store.run_manifest(record["run"])
    if manifest is None:
        raise BadInput(f"{store.run_folder(record['run'])}: run {record['run']} is not here; run the cell again")
    receipt = record["receipt"]
    facts: NetworkFacts = {
        "cell": record["cell"],
        "profile": record["profile"],
        "seed": record["seed"],
        "run": record["run"],
        "method": record["method"],
        "switches": receipt["switches"],
        "backbone": receipt["recipe"]["backbone"],
        "identities": manifest["num_classes"],
        "feature": receipt["embedding"],
        "flip_test": receipt["protocol"]["flip_test"],
        "reads_infrared": reads_infrared,
        "height": receipt["recipe"]["height"],
        "width": receipt["recipe"]["width"],
        "weights": manifest["weights_sha256"],
    }
    return _embedder(facts, store.trained_weights(manifest), device)


def _reads_infrared(record: DoneRecord) -> bool:
    """Whether the cell's network asks for the modality. Raises BadInput if it reads estimates, which no image has."""
    method = registry.method(record["method"])
    kinds = method.priors(method.parse(record["receipt"]["switches"], record_label(record))).inference
    estimated = [kind for kind in kinds if kind not in IMAGE_FACTS]
    if estimated:
        raise BadInput(
            f"{record['cell']} reads {' and '.join(estimated)} of each test image, which an image alone does not give; "
            "choose a row that reads none at test"
        )
    return bool(kinds)


def load_exported(folder: Path, device: str | None = None) -> Embedder:
    """The network of an exported folder. Raises BadInput if a file in it is missing, altered or of another network."""
    facts = read_facts(folder)
    weights = folder / EXPORTED_WEIGHTS
    _require_whole(weights, facts["network"]["weights"])
    if "onnx" in facts:
        _require_whole(folder / ONNX_FILE, facts["onnx"])
    return _embedder(facts["network"], weights, device)


def read_facts(folder: Path) -> ExportedFacts:
    """The facts of an exported folder. Raises BadInput if their file is missing, altered or of another schema."""
    path = folder / FACTS
    if not path.is_file():
        raise BadInput(f"{folder} is no exported folder, it lacks {FACTS}; {EXPORT_FIX}")
    facts: ExportedFacts = read_file(path, ExportedFacts, EXPORT_FIX)
    if facts["schema"] != EXPORT_SCHEMA:
        raise BadInput(f"{path}: schema {facts['schema']}, this harness reads schema {EXPORT_SCHEMA}; {EXPORT_FIX}")
    if facts.get("digest") != facts_digest(facts):
        raise BadInput(f"{path}: changed since it was exported (its digest does not match); {EXPORT_FIX}")
    return facts


def _require_whole(path: Path, digest: str) -> None:
    if not path.is_file():
        raise BadInput(f"{path} is missing; {EXPORT_FIX}")
    if file_digest(path) != digest:
        raise BadInput(f"{path}: changed since it was exported (its digest does not match); {EXPORT_FIX}")


def _embedder(facts: NetworkFacts, weights: Path, device: str | None) -> Embedder:
    method = registry.method(facts["method"])
    switches = method.parse(facts["switches"], facts["cell"])
    model = method.build(switches, facts["identities"], facts["backbone"])
    found = read_weights(weights)
    _require_same(model.state_dict(), found, weights, facts)
    model.load_state_dict(found)
    network = EmbeddingNetwork(model, facts["feature"], facts["flip_test"])
    return Embedder(facts, network, choose_device(device))


def _require_same(wanted: dict[str, Tensor], found: dict[str, Tensor], weights: Path, facts: NetworkFacts) -> None:
    """Raise BadInput unless the weights have the names and shapes of the network."""
    differing = sorted(
        name for name in wanted.keys() | found.keys() if _shape(wanted.get(name)) != _shape(found.get(name))
    )
    if differing:
        raise BadInput(
            f"{weights} holds no weights of {facts['method']} on {facts['backbone']}: {len(differing)} tensors are "
            f"missing, unknown or of another shape, the first {differing[0]}; give the weights of this run, or run the "
            "cell again if its method has changed"
        )


def _shape(tensor: Tensor | None) -> tuple[int, ...] | None:
    return None if tensor is None else tuple(tensor.shape)
