"""The gradients of one step: forward and backward passes of this process, and sums over all."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from ..nn.transformer import Transformer
from ..text.batches import Batch, Corpus, Ids
from .pairs.subwords import SubwordDropout
from .processes.gradients import seed_of, sum_gradients
from .processes.memory import keep_memory
from .processes.parallel import Processes, share_rows
from .processes.sharding import is_sharded
from .processes.stopping import SIGNALS
from .processes.tree import share_of
from .settings import TrainingSettings
from .step import batch_loss


class StepSums(NamedTuple):
    """Sums of a step over all processes, beside the gradients.

    Attributes:
        tokens: number of predictions of the step.
        loss: the sum of their plain losses, in nats.
        signal: the largest signal number that any process received; 0 if none did.
    """

    tokens: int
    loss: torch.Tensor
    signal: int


class MicroBatches:
    """This process's share of every step. Creating one also calls `keep_memory`.

    Args:
        model: of the run.
        corpus: the training data.
        options: of the run.
        processes: the processes that share the steps.
        count: the number of micro-batches of a step.
        subwords: splits words again at random (BPE dropout); None keeps the stored tokens.
    """

    def __init__(
        self,
        model: Transformer,
        corpus: Corpus,
        options: TrainingSettings,
        processes: Processes,
        count: int,
        subwords: SubwordDropout | None = None,
    ) -> None:
        self._model, self._corpus = model, corpus
        self._options, self._processes, self._count = options, processes, count
        self._subwords = subwords
        keep_memory()
        self._first, self._end = share_of(processes.rank, processes.count, count)

    def of_step(self, step: int, rows: Sequence[np.ndarray]) -> list[list[Batch]]:
        """Return this process's micro-batches of a step, each as a list of batches.

        Args:
            step: its number, which seeds BPE dropout.
            rows: the indices of the batches of the step.
        """
        return [
            [
                self._corpus.batch(part, self._recut(step, number))
                for part in share_rows(rows, number, self._count)
            ]
            for number in range(self._first, self._end)
        ]

    def _recut(self, step: int, number: int) -> Callable[[Ids], Ids] | None:
        if self._subwords is None:
            return None
        numbers = random.Random(seed_of(self._options.seed, step, number))
        return partial(self._subwords.recut, numbers=numbers)

    def add_up_gradients(self, step: int, ours: list[list[Batch]], signal: int) -> StepSums:
        """Set the model's gradients to those of a step, summed over all processes.

        Args:
            step: its number.
            ours: this process's micro-batches of the step.
            signal: number of the signal that this process received, or 0. It is shared with the
                other processes, so that all stop after the same step.
        """
        signals = [float(signal == number) for number in SIGNALS]
        tokens = sum(batch.target_tokens for batches in ours for batch in batches)
        sums = torch.tensor([tokens, *signals], dtype=torch.float64)
        losses = torch.zeros(self._count, dtype=torch.float64)  # added in a fixed order

        def backward(number: int) -> None:
            torch.manual_seed(seed_of(self._options.seed, step, number))
            for batch in ours[number - self._first]:
                loss = batch_loss(self._model, batch, self._options.label_smoothing)
                loss.smoothed.backward()
                losses[number] += loss.plain.detach().double().cpu()

        if is_sharded(self._model):
            self._backward_in_step(step, ours, losses)
        else:
            trained = [each for each in self._model.parameters() if each.requires_grad]
            sum_gradients(trained, self._processes, self._count, backward)
        every = self._processes.add_up(torch.cat((sums, losses)))
        all_tokens, *stops = every[: len(sums)].tolist()
        stop_signal = max(number * bool(stop) for number, stop in zip(SIGNALS, stops, strict=True))
        return StepSums(int(all_tokens), every[len(sums) :].sum(), stop_signal)

    def _backward_in_step(self, step: int, ours: list[list[Batch]], losses: torch.Tensor) -> None:
        """Add up the gradients of a model that is divided among the processes.

        All processes must make the same number of passes: a process without a batch for a pass runs
        a spare batch with weight 0.
        """
        passes = self._processes.agree(max(map(len, ours)))
        spare = self._corpus.batch(np.array([0]))
        for number, batches in enumerate(ours, self._first):
            torch.manual_seed(seed_of(self._options.seed, step, number))
            for i in range(passes):
                batch = batches[i] if i < len(batches) else spare
                loss = batch_loss(self._model, batch, self._options.label_smoothing)
                weight = self._processes.count if i < len(batches) else 0  # gradients are means
                (loss.smoothed * weight).backward()
                if i < len(batches):
                    losses[number] += loss.plain.detach().double().cpu()
