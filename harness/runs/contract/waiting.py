"""Counts the operations for which the host would wait for a GPU: values that it reads, shapes that depend on values."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

READS = {"_local_scalar_dense", "item", "is_nonzero", "equal"}
"""Operations that bring a value to the host."""
SHAPES = {
    "nonzero",
    "masked_select",
    "bincount",
    "repeat_interleave",
    "_unique",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "unique_dim_consecutive",
}
"""Operations whose results have a shape that depends on values."""
INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"}
"""Operations that look for the true values of a mask where the index is one."""
COPIES = {"_to_copy", "copy_"}
"""Operations that may bring a tensor to another device."""
TORCH = str(Path(torch.__file__).parent)


class WaitingOperations(TorchDispatchMode):
    """Counts, by name, the waiting operations of the code that runs within it. ``places`` names a line of each.

    ``on_host`` are tensors that lie on the host whatever the device of the network: their values are there already.
    """

    def __init__(self, on_host: Iterable[Tensor] = ()) -> None:
        super().__init__()
        self.found: Counter[str] = Counter()
        self.places: dict[str, str] = {}
        self.on_host = {each.data_ptr() for each in on_host}

    def __torch_dispatch__(
        self, operation: Any, types: Any, arguments: tuple[Any, ...] = (), named: Mapping[str, Any] | None = None
    ) -> Any:
        named = named or {}
        name = operation.overloadpacket.__name__
        given = [each for each in tree_leaves((arguments, named)) if isinstance(each, Tensor)]
        result = operation(*arguments, **named)
        if self._waits(name, operation, given, result):
            self.found[name] += 1
            self.places.setdefault(name, _place())
        return result

    def _waits(self, name: str, operation: Any, given: list[Tensor], result: Any) -> bool:
        if name in READS:
            return not all(each.data_ptr() in self.on_host for each in given)
        if name in INDEXED:
            return any(each.dtype in (torch.bool, torch.uint8) for each in given[1:])
        if name in COPIES:
            return len({each.device for each in (*given, result)}) > 1
        if name == "repeat_interleave":
            return operation is torch.ops.aten.repeat_interleave.Tensor
        return name in SHAPES


def _place() -> str:
    """File and line of the innermost code that is neither PyTorch's nor this module's."""
    stack = [frame for frame in traceback.extract_stack() if not frame.filename.startswith((TORCH, __file__))]
    return f"{stack[-1].filename}, line {stack[-1].lineno}"


def host_state(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    """The counts of steps that an optimiser keeps on the host, also of parameters on a GPU."""
    return [state["step"] for state in optimiser.state.values() if "step" in state]
