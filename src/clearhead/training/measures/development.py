"""The loss and accuracy on the development set, with the same bits on any number of processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ...nn.transformer import Transformer
from ...text.batches import Batch
from ..processes.parallel import Processes
from ..processes.sharding import end_of_pass, is_sharded
from ..step import batch_loss, count_right


@torch.no_grad()
def development_loss(model: Transformer, batches: Sequence[Batch], processes: Processes) -> float:
    """Return nats per prediction, without smoothing or dropout.

    Args:
        model: of the run.
        batches: of the whole development set, of which each process computes some.
        processes: of the run.
    """
    return _mean(
        model, batches, processes, lambda batch: float(batch_loss(model, batch, 0.0).plain)
    )


@torch.no_grad()
def development_accuracy(
    model: Transformer, batches: Sequence[Batch], processes: Processes
) -> float:
    """Return the share of the predictions that are right; arguments as of `development_loss`."""
    return _mean(model, batches, processes, lambda batch: count_right(model, batch))


def _mean(
    model: Transformer,
    batches: Sequence[Batch],
    processes: Processes,
    measure: Callable[[Batch], float],
) -> float:
    """Return the sum of a measure of batches, divided by all their predictions."""
    model.eval()
    # Each sum has a place of its own, so that the order of adding them is always the same.
    sums = torch.zeros(len(batches), dtype=torch.float64)
    if is_sharded(model):  # every pass takes all processes: each makes as many
        for first in range(0, len(batches), processes.count):
            own = first + processes.rank
            value = measure(batches[min(own, len(batches) - 1)])
            if own < len(batches):
                sums[own] = value
        end_of_pass(model)
    else:
        for number in processes.share(range(len(batches))):
            sums[number] = measure(batches[number])
    total = processes.add_up(sums).sum()
    return float(total) / sum(batch.target_tokens for batch in batches)
