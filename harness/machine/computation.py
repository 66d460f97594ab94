"""How a run is computed, as far as that can change its weights. Importing this needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Computation:
    """Part of every run's hash.

    ``bfloat16``: the forward pass in bfloat16, else in float32. ``processes``: one for each GPU of a run; each takes
    its share of a batch's identities. ``sync_batch_norm``: BN statistics over all of them instead of each its own.
    ``compiled``: the network goes through torch.compile.
    """

    bfloat16: bool
    processes: int = 1
    sync_batch_norm: bool = False
    compiled: bool = False

    @property
    def described(self) -> str:
        """Precision, memory layout and compiler, in words for a receipt."""
        return ", ".join([self._precision, "channels_last", *(["torch.compile"] if self.compiled else [])])

    @property
    def _precision(self) -> str:
        return "bfloat16" if self.bfloat16 else "float32"

    @property
    def bn_scope(self) -> str:
        """Over which images BN takes its statistics, in words for a receipt."""
        if self.processes == 1:
            return "the whole batch"
        return "the whole batch (SyncBN)" if self.sync_batch_norm else "each process's share of the batch"

    def as_configuration(self) -> dict[str, Any]:
        """What a run's configuration says of it; one process, which is the rule, is not mentioned."""
        found: dict[str, Any] = {"precision": self._precision}
        if self.processes > 1:
            found |= {"processes": self.processes, "sync_batch_norm": self.sync_batch_norm}
        if self.compiled:
            found["compiled"] = True
        return found
