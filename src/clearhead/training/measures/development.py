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
    """Return the loss in nats per prediction, without smoothing or dropout.

    Args:
        model: of the run.
        batches: of the whole development set, which the processes share.
        processes: of the run.
    """
    return _mean(
        model, batches, processes, lambda batch: float(batch_loss(model, batch, 0.0).plain)
    )


@torch.no_grad()
def development_accuracy(
    model: Transformer, batches: Sequence[Batch], processes: Processes
) -> float:
    """Return the share of correct predictions; the arguments are those of `development_loss`."""
    return _mean(model, batches, processes, lambda batch: count_right(model, batch))


def _mean(
    model: Transformer,
    batches: Sequence[Batch],
    processes: Processes,
    measure: Callable[[Batch], float],
) -> float:
    """Return the sum of a measure over batches, divided by the number of predictions."""
    model.eval()
    # Each batch has its own entry, so that they are always added in the same order.
    sums = torch.zeros(len(batches), dtype=torch.float64)
    if is_sharded(model):  # every pass needs all processes, so all make the same number
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
