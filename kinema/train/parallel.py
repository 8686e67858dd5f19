"""Ranks: one process per core under torchrun with gloo here, one per GPU with NCCL and sharded weights on a cluster.

Two single-threaded ranks are what two cores are for: two threads of one process collapse as soon as anything else runs
(docs/LOG.md). Outside torchrun there is one rank and nothing is initialised.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is."""

    rank: int = 0
    count: int = 1

    @property
    def leads(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def share(self, samples: range) -> range:
        """This rank's equal part of a step's samples; their number must divide by the ranks."""
        assert len(samples) % self.count == 0, f"{len(samples)} samples do not divide among {self.count} ranks"
        return samples[self.rank :: self.count]

    def mean(self, value: Tensor) -> Tensor:
        """The value averaged over all ranks."""
        if self.count > 1:
            dist.all_reduce(value)
            value = value / self.count
        return value


@contextmanager
def ranks() -> Iterator[Ranks]:
    """This process's place among those that torchrun started, one thread each, for as long as the block lasts."""
    torch.set_num_threads(1)
    if "RANK" not in os.environ:
        yield Ranks()
        return
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def spread(model: nn.Module, place: Ranks, *, shard: bool = False) -> nn.Module:
    """The model as every rank trains it: replicated with averaged gradients, or with `shard` its weights split (FSDP2).

    Sharding splits each block of every ModuleList by itself, so that only one block is whole at a time.
    """
    if place.count == 1:
        return model
    if not shard:
        return DistributedDataParallel(model)
    for module in model.modules():
        if isinstance(module, nn.ModuleList):
            for block in module:
                fully_shard(block)
    fully_shard(model)
    return model
