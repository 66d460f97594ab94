"""The processes that train one run together, one for each GPU, started by torchrun."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed

PATIENCE = timedelta(days=1)
"""How long a process waits for another: while the leading one evaluates, far longer than NCCL's own 10 minutes."""


@dataclass(frozen=True)
class World:
    """This process among those of a run: ``rank`` of ``size``. Alone, nothing is sent and nothing is waited for."""

    rank: int = 0
    size: int = 1

    @property
    def is_leader(self) -> bool:
        """Whether this process decides and writes for all."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until every process is here."""
        if self.size > 1:
            distributed.barrier()

    def broadcast(self, value: Any) -> Any:
        """The leader's ``value``, in every process."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, src=0)
        return box[0]

    def any(self, flag: bool, device: torch.device) -> bool:
        """Whether the flag is set in any process."""
        if self.size == 1:
            return flag
        found = torch.tensor(float(flag), device=device)
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return bool(found)

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a tensor over the processes."""
        if self.size == 1:
            return value
        total = value.clone()
        distributed.all_reduce(total)
        return total / self.size

    def gathered(self, rows: Tensor) -> Tensor:
        """The rows (B, ...) of every process one after the other (size B, ...), equally many of each.

        Every process then computes the same loss from them, and DistributedDataParallel averages the gradients of
        parameters. So the gradient that flows back to a process's own rows is multiplied by the number of processes:
        the average is then the gradient of one process that has all rows.
        """
        if self.size == 1:
            return rows
        found: Tensor = _Gathered.apply(rows, self)
        return found

    def all_gather(self, rows: Tensor) -> list[Tensor]:
        """The rows of every process, as many as each has, on the CPU and without gradients."""
        if self.size == 1:
            return [rows.cpu()]
        found: list[Any] = [None] * self.size
        distributed.all_gather_object(found, rows.cpu())
        return found


@contextmanager
def joined(device: str) -> Iterator[World]:
    """This process among those that torchrun has started, over NCCL between GPUs and gloo between CPUs; else alone."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World()
        return
    if device.startswith("cuda"):
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo", timeout=PATIENCE)
    yield World(distributed.get_rank(), size)
    # Not after an error: it would wait for collectives that the other processes have begun and this one never will.
    distributed.destroy_process_group()


class _Gathered(torch.autograd.Function):
    """All-gather along the first axis; backward gives a process the gradient of its own rows, times the processes."""

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
