"""Several processes on one run, each with its own batches of every step.

On a processor of few cores, processes of one thread each train faster than one process of as
many threads, which wait for each other at every operator. Started by `launch` (``clearhead train
--processes N`` does that) or by torchrun, each process computes its share of the micro-batches of
a step; `gradients` sums them over all, so that all make the same update.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch import distributed as dist
from torch._C._distributed_c10d import FileStore

from ...errors import ConfigError, TrainingError
from .launch import MEETING
from .meeting import meeting_store

T = TypeVar("T")
# The others wait while the first process prepares the data. One that has ended is noticed at once.
_PATIENCE = timedelta(hours=12)
# The newer name, where there is one: the older one warns then.
_all_gather = getattr(dist, "all_gather_single", dist.all_gather_into_tensor)


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

    def meet(self, device: str = "cpu") -> None:
        """Connect the processes; everything below needs it.

        Those of GPUs get one of this machine's each, and exchange gradients by NCCL.

        Args:
            device: that the run computes on.

        Raises:
            LostContactError: another process has ended, here as in all that follows.
            ConfigError: this machine has fewer GPUs than processes.
        """
        if self.count > 1 and device == "cuda":
            _take_gpu()
        if self.count > 1 and not dist.is_initialized():
            meeting = os.environ.get(MEETING)
            with _contact():
                # A store of torchrun's kind would listen on every interface of the machine.
                store = (
                    FileStore(meeting, self.count)
                    if meeting
                    else meeting_store(self.rank, self.count)
                )
                dist.init_process_group(
                    _backend(device),
                    store=store,
                    rank=self.rank,
                    world_size=self.count,
                    timeout=_PATIENCE,
                )

    @property
    def first(self) -> bool:
        """Whether this process writes the files and the log."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Return this process's share of some items."""
        return items[self.rank :: self.count]

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

    def scatter_parts(self, outgoing: Tensor, length: int, counts: Sequence[int]) -> Tensor:
        """Send each process its part of our tensors, and return our part of everyone's.

        Args:
            outgoing: for each process by rank, its parts of our tensors, one after the other.
            length: of a part.
            counts: how many tensors each process has.

        Returns:
            Our parts of all tensors, those of the first process first.
        """
        incoming = outgoing.new_empty(sum(counts) * length)
        with _contact():
            dist.all_to_all_single(
                incoming,
                outgoing,
                [number * length for number in counts],
                [counts[self.rank] * length] * self.count,
            )
        return incoming

    def gather_parts(self, part: Tensor, whole: Tensor) -> Tensor:
        """Fill a tensor with the part of every process, in the order of their ranks."""
        with _contact():
            _all_gather(whole, part)
        return whole

    def leave(self) -> None:
        """End the connection, whatever the others do; without it an ending process may abort."""
        if dist.is_initialized():
            with suppress(RuntimeError):
                dist.destroy_process_group()


def share_rows(batches: Sequence[np.ndarray], part: int, count: int) -> list[np.ndarray]:
    """Return a micro-batch: one of ``count`` parts of the batches of a step.

    Whole batches where all parts get as many; otherwise rows of every batch. They are in the
    order of their lengths, so that every N-th makes parts of equal work.

    Args:
        batches: each an array of indices of pairs.
        part: which one, from 0.
        count: how many there are.
    """
    if len(batches) % count == 0:
        return list(batches[part::count])
    return [rows[part::count] for rows in batches if len(rows) > part]


def _backend(device: str) -> str:
    """Return what connects the processes: counts and texts always go by way of the processor."""
    on_gpus = device.startswith("cuda") and dist.is_nccl_available()
    return "cpu:gloo,cuda:nccl" if on_gpus else "gloo"


def _take_gpu() -> None:
    """Compute on the GPU of this process's number on this machine."""
    number, gpus = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if number >= gpus:
        raise ConfigError(
            f"This machine has {gpus} GPU{'s' * (gpus != 1)}, and process {number + 1} of it would "
            f"need one more. Start {gpus} processes here, or set training.device to cpu."
        )
    torch.cuda.set_device(number)


@contextmanager
def _contact() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise LostContactError(
            "Another process of this run has ended, so training stops. Start the same command "
            "again to go on from the last checkpoint."
        ) from error
