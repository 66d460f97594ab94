"""How a run is computed, as far as it can change the weights. Importing this needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

Precision = Literal["bfloat16", "float32"]


class Distrust(TypedDict):
    """Why bfloat16 was tried on a batch and float32 taken: the sign, and the loss or feature that shows it.

    ``difference`` from float32 and its ``bound`` are given where that is the sign.
    """

    sign: Literal["not finite", "not repeatable", "far from float32", "seen by another process"]
    where: str
    difference: float | None
    bound: float | None


@dataclass(frozen=True)
class Computation:
    """Part of every run's hash.

    ``bfloat16``: the forward pass runs in bfloat16, else in float32. ``processes``: one per GPU of a run; each takes
    its share of a batch's identities. ``sync_batch_norm``: BN statistics cover all processes, else each takes its own.
    ``compiled``: the network goes through torch.compile.
    """

    bfloat16: bool
    processes: int = 1
    sync_batch_norm: bool = False
    compiled: bool = False

    @property
    def precision(self) -> Precision:
        """Number format of the forward pass."""
        return "bfloat16" if self.bfloat16 else "float32"

    @property
    def described(self) -> str:
        """Precision, memory layout and compiler, in words for display. Code reads the fields."""
        return ", ".join([self.precision, "channels_last", *(["torch.compile"] if self.compiled else [])])

    @property
    def bn_scope(self) -> str:
        """The images that BN statistics cover, in words for a receipt."""
        if self.processes == 1:
            return "the whole batch"
        return "the whole batch (SyncBN)" if self.sync_batch_norm else "each process's share of the batch"
