"""Sentences made from the fields of records, for display only."""

from __future__ import annotations

from harness.evaluation.degeneracy import Degeneracy
from harness.machine.computation import Distrust
from harness.results.record import ComputationOfRecord, Origin, Start

PUBLISHED_WEIGHTS = {"imagenet": "ImageNet", "luperson": "LUPerson"}
"""Kinds of published weights and their names. They may be missing on a machine."""


def start_sentence(start: Start, name_run: bool = True) -> str:
    """The start of a run: ``trunk of ide, run 1fc9...``, or ``trunk of ide`` without ``name_run``."""
    split = start["split_norms"]
    norms = f"; plain norms of {split} blocks split for IBN-a, the running statistics of their IN halves left out"
    norms = norms if split else ""
    if start["kind"] == "run":
        part = "trunk of " if start["part"] == "trunk" else ""
        name = f", run {start['run']}" if name_run else ""
        return f"{part}{start['method']}{name}{norms}"
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
    distrust = computation.get("distrust")
    why = f"; float32 because {distrust_sentence(distrust)}" if distrust else ""
    return f"{trained}; features kept and scored in {computation['features']}{why}"


def distrust_sentence(distrust: Distrust) -> str:
    """Why bfloat16 was not trusted: ``bfloat16 gave triplet two values for one batch``."""
    where = distrust["where"]
    if distrust["sign"] == "not finite":
        return f"bfloat16 gave {where} that is no number for one batch"
    if distrust["sign"] == "not repeatable":
        return f"bfloat16 gave {where} two values for one batch"
    if distrust["sign"] == "far from float32":
        far = f"{distrust['difference']:.2g} from float32, and at most {distrust['bound']:g} is trusted"
        return f"bfloat16 gave {where} {far}"
    return "bfloat16 was not trusted by another process of the run"


def degeneracy_sentence(found: Degeneracy) -> str:
    """The sign that a network has collapsed: ``triplet loss at collapse: triplet is 0.3002, at collapse 0.3000``."""
    return f"{found['sign']}: {found['where']} is {found['value']:.4f}, at collapse {found['collapsed']:.4f}"
