"""The processes that train one run together: one per GPU, started by torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed

COLLECTIVE_TIMEOUT = timedelta(days=1)
"""How long a process waits for the others. The leader's evaluation takes longer than NCCL's default of 10 minutes."""


@dataclass(frozen=True)
class World:
    """Process ``rank`` among the ``size`` processes of a run. With one process, every method returns at once."""

    rank: int = 0
    size: int = 1

    @property
    def is_leader(self) -> bool:
        """Whether this process decides and writes files for all."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until every process has arrived here."""
        if self.size > 1:
            distributed.barrier()

    def broadcast(self, value: Any) -> Any:
        """Send the leader's ``value`` to every process. Returns it."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether ``flag`` is set in any process."""
        if self.size == 1:
            return flag
        found = torch.tensor(float(flag), device=device)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return bool(found)

    def mean(self, value: Tensor) -> Tensor:
        """Mean of a tensor over all processes."""
        if self.size == 1:
            return value
        total = value.clone()
        distributed.all_reduce(total)
        return total / self.size

    def gather_with_gradient(self, rows: Tensor) -> Tensor:
        """Concatenate the rows (B, ...) of every process to (size * B, ...). B must be equal in all processes.

        Every process then computes the same loss, and DistributedDataParallel averages the parameter gradients. So the
        gradient of a process's own rows is multiplied by the number of processes: the average then equals the gradient
        of a single process with all rows.
        """
        if self.size == 1:
            return rows
        found: Tensor = _GatherWithGradient.apply(rows, self)
        return found

    def all_gather(self, rows: Tensor) -> list[Tensor]:
        """The rows of each process, on the CPU and without gradients. Their numbers may differ."""
        if self.size == 1:
            return [rows.cpu()]
        found: list[Any] = [None] * self.size
        # PyTorch 2.4's gloo cannot gather within inference mode: it writes into tensors made there.
        with torch.inference_mode(False):
            distributed.all_gather_object(found, rows.cpu())
        return found


@contextmanager
def process_group(device: str) -> Iterator[World]:
    """Join the processes that torchrun started, by NCCL on GPUs and gloo on CPUs. Without torchrun: one process."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    if device.startswith("cuda"):
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=COLLECTIVE_TIMEOUT)
    yield World(distributed.get_rank(), size)
    # Not after an error: this would wait for collectives that other processes have begun and this one never joins.
    distributed.destroy_process_group()


class _GatherWithGradient(torch.autograd.Function):
    """All-gather along the first axis. Backward returns the gradient of a process's own rows, times ``world.size``."""

    @staticmethod
    def forward(context: Any, rows: Tensor, world: World) -> Tensor:
        context.world = world
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(world.size)]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        world: World = context.world
        own = gradients[0].chunk(world.size)[world.rank]
        return own * world.size, None
