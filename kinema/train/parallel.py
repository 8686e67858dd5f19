"""Ranks: one process per core under torchrun, their gradients averaged over gloo.

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
    dist.init_process_group("gloo")
    try:
        yield Ranks(dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


def spread(model: nn.Module, place: Ranks) -> nn.Module:
    """The model as every rank trains it: the same weights everywhere, gradients averaged.

    Buffers are constants, and ranks may call the model different numbers of times a step, so they are not sent round.
    """
    return model if place.count == 1 else DistributedDataParallel(model, forward_sync_buffers=False)
