"""Sentences made from the fields of records, for display only."""

from __future__ import annotations

from harness.results.record import ComputationOfRecord, Origin, Start

PUBLISHED_WEIGHTS = {"imagenet": "ImageNet", "luperson": "LUPerson"}
"""Kinds of published weights and their names. They may be missing on a machine."""


def start_sentence(start: Start) -> str:
    """The start of a run: ``trunk of ide, run 1fc9...``."""
    split = start["split_norms"]
    norms = f"; plain norms of {split} blocks split for IBN-a, the running statistics of their IN halves left out"
    norms = norms if split else ""
    if start["kind"] == "run":
        part = "trunk of " if start["part"] == "trunk" else ""
        return f"{part}{start['method']}, run {start['run']}{norms}"
    if start["kind"] == "scratch":
        return scratch_sentence(start["wanted"], start["reason"])
    if start["kind"] == "file":
        digest = start["sha256"][:16]
        return f"weights {start['file']}, {start['matched']} tensors of the trunk matched (sha256 {digest}...){norms}"
    return f"{PUBLISHED_WEIGHTS[start['kind']]} weights {start['file']}{norms}"


def origin_sentence(origin: Origin) -> str:
    """Where the first run of a lineage began."""
    if origin["kind"] == "scratch":
        return scratch_sentence(origin["wanted"], origin["reason"])
    if origin["kind"] == "file":
        return "a file of weights"
    return f"{PUBLISHED_WEIGHTS[origin['kind']]} weights"


def scratch_sentence(wanted: str, reason: str | None) -> str:
    """A start from scratch: as the recipe says, or because published weights are missing."""
    if reason is None:
        return "scratch, as the recipe says"
    return f"scratch: no {PUBLISHED_WEIGHTS[wanted]} weights ({reason})"


def computation_sentence(computation: ComputationOfRecord) -> str:
    """Precision, memory layout and compiler of a training, and the precision of the features."""
    compiled = ", torch.compile" if computation["compiled"] else ""
    trained = f"{computation['precision']}, {computation['memory_format']}{compiled}"
    return f"{trained}; features kept and scored in {computation['features']}"
