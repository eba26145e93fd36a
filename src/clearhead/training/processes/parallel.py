"""Several processes on one run, each with its own batches of every step.

On a CPU with few cores, several processes of one thread each train faster than one process of
several threads, which wait for each other at every operator. Started by `launch` (``clearhead train
--processes N`` does that) or by torchrun, each process computes its share of the micro-batches of a
step; `gradients` sums the gradients over all processes, so that all make the same update.
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
# The others wait while the first process prepares the data. A process that ends is noticed at once.
_PATIENCE = timedelta(hours=12)
# The newer name if it exists, since the older one then warns.
_all_gather = getattr(dist, "all_gather_single", dist.all_gather_into_tensor)


class LostContactError(TrainingError):
    """Another process of the run has ended, so this one cannot continue."""


class Processes:
    """This process's place among the processes of a run, and their communication.

    Attributes:
        rank: this process's number; process 0 writes the files and the log.
        count: the number of processes.
    """

    def __init__(self) -> None:
        self.rank = int(os.environ.get("RANK", "0"))
        self.count = int(os.environ.get("WORLD_SIZE", "1"))

    def meet(self, device: str = "cpu") -> None:
        """Connect the processes; all methods that communicate need this first.

        On GPUs, each process takes one of this machine's GPUs, and gradients are exchanged by NCCL.

        Args:
            device: that the run computes on.

        Raises:
            LostContactError: another process has ended; all methods that communicate raise it.
            ConfigError: this machine has fewer GPUs than processes.
        """
        if self.count > 1 and device == "cuda":
            _take_gpu()
        if self.count > 1 and not dist.is_initialized():
            meeting = os.environ.get(MEETING)
            with _contact():
                # torchrun's kind of store would listen on every network interface.
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
        """Return the maximum of a number over the processes."""
        values = torch.tensor([number])
        if self.count > 1:
            with _contact():
                dist.all_reduce(values, op=dist.ReduceOp.MAX)
        return int(values)

    def wait(self) -> None:
        """Wait until every process has made this call."""
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
        """Send every process its parts of the local tensors; return the parts for this process.

        Args:
            outgoing: for each rank in order, its parts of the local tensors, one after the other.
            length: of a part.
            counts: the number of tensors of each process.

        Returns:
            This process's parts of all tensors, those of the first process first.
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
        """Fill a tensor with the parts of all processes, in the order of their ranks."""
        with _contact():
            _all_gather(whole, part)
        return whole

    def leave(self) -> None:
        """Close the connection, without waiting for the others; otherwise the exit may abort."""
        if dist.is_initialized():
            with suppress(RuntimeError):
                dist.destroy_process_group()


def share_rows(batches: Sequence[np.ndarray], part: int, count: int) -> list[np.ndarray]:
    """Return a micro-batch: one of ``count`` parts of the batches of a step.

    If the batches divide evenly, a part is whole batches; otherwise it is every ``count``-th row of
    each batch. Rows are sorted by length, so all parts have about equal work.

    Args:
        batches: each an array of indices of pairs.
        part: its number, from 0.
        count: the number of parts.
    """
    if len(batches) % count == 0:
        return list(batches[part::count])
    return [rows[part::count] for rows in batches if len(rows) > part]


def _backend(device: str) -> str:
    """Return the communication backend; counts and texts always use the CPU's."""
    on_gpus = device.startswith("cuda") and dist.is_nccl_available()
    return "cpu:gloo,cuda:nccl" if on_gpus else "gloo"


def _take_gpu() -> None:
    """Select the GPU whose number is this process's rank on this machine."""
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
