"""Several processes on one run, each with its own batches of every step.

On a processor of few cores, processes of one thread each train faster than one process of as
many threads, which wait for each other at every operator. Started by `launch` (``clearhead train
--processes N`` does that) or by torchrun, each process takes every N-th batch of a step, or
every N-th row of each batch; gradients are summed over all, so that all make the same update.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch import distributed as dist
from torch._C._distributed_c10d import FileStore

from ...errors import TrainingError
from .launch import MEETING

T = TypeVar("T")


class LostContactError(TrainingError):
    """Another process of the run has ended, so this one cannot go on."""


class Processes:
    """This process among those of its run.

    Attributes:
        rank: this process's number; process 0 writes the files and the log.
        count: how many there are.
    """

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.count = int(os.environ.get("WORLD_SIZE", "1"))

    def meet(self) -> None:
        """Connect the processes; everything below needs it.

        Raises:
            LostContactError: another process has ended, here as in all that follows.
        """
        if self.count > 1 and not dist.is_initialized():
            meeting = os.environ.get(MEETING)
            # A store of torchrun's kind would listen on every interface of the machine.
            store = FileStore(meeting, self.count) if meeting else None
            with _contact():
                dist.init_process_group("gloo", store=store, rank=self.rank, world_size=self.count)

    @property
    def first(self) -> bool:
        """Whether this process writes the files and the log."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Return this process's share of some items."""
        return items[self.rank :: self.count]

    def share_batches(self, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return this process's part of the batches of a step, each an array of indices of pairs.

        Whole batches where all get as many; otherwise rows of every batch. They are in the
        order of their lengths, so that every N-th makes parts of equal work.
        """
        if len(batches) % self.count == 0:
            return list(self.share(batches))
        return [rows[self.rank :: self.count] for rows in batches if len(rows) > self.rank]

    def agree(self, number: int) -> int:
        """Return the largest of a number over the processes."""
        values = torch.tensor([number])
        if self.count > 1:
            with _contact():
                dist.all_reduce(values, op=dist.ReduceOp.MAX)
        return int(values)

    def wait(self) -> None:
        """Wait until every process is here."""
        if self.count > 1:
            with _contact():
                dist.barrier()

    def add_up(self, values: Tensor) -> Tensor:
        """Sum a tensor over the processes, in place."""
        if self.count > 1:
            with _contact():
                dist.all_reduce(values)
        return values

    def add_up_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Sum every parameter's gradient over the processes, as one message."""
        if self.count == 1:
            return
        gradients = []
        for parameter in parameters:
            if parameter.grad is None:  # this process had no batch in this step
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        joint = self.add_up(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = joint.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def random_states(self) -> list[Tensor]:
        """Return the state of each process's random generator, by rank."""
        own = torch.get_rng_state()
        if self.count == 1:
            return [own]
        states = [torch.empty_like(own) for _ in range(self.count)]
        with _contact():
            dist.all_gather(states, own)
        return states


@contextmanager
def _contact() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise LostContactError(
            "Another process of this run has ended, so training stops. Start the same command "
            "again to go on from the last checkpoint."
        ) from error
