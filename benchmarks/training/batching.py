"""The same pairs, batched as each system's own library does it.

- clearhead: `Corpus.epoch`, by target and source length, of limited tokens a side.
- transformers: its Trainer's `LengthGroupedSampler` (``group_by_length``), which sorts groups of
  fifty batches by the source's length, or the Trainer's default, pairs in random order; its
  collator pads each batch to its longest source and its longest target.
- PyTorch: pairs in random order, padded by `pad_sequence`, as its tutorial on translation does.

All take as many pairs to a batch on average, so that a step has as many target tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from clearhead.text.batches import Batch, Corpus

CLEARHEAD, GROUPED, RANDOM = "clearhead's", "Trainer's group_by_length", "in random order"


class Batching(NamedTuple):
    """Some batches of an epoch, and how much of all its batches is padding.

    Attributes:
        batches: of which as many are smaller as are larger than each, evenly through the epoch.
        padding: share of all places, source and target, of the whole epoch.
        rows: pairs to a batch on average.
    """

    batches: list[Batch]
    padding: float
    rows: float


def batchings(corpus: Corpus, tokens: int, count: int) -> dict[str, Batching]:
    """Return the batches of each library's way.

    Args:
        corpus: of the pairs.
        tokens: a side of our batches, at most.
        count: of batches to choose.
    """
    ours = corpus.epoch(0, tokens)
    pairs = sum(map(len, ours))
    rows = round(pairs / len(ours))
    orders = {RANDOM: np.random.default_rng(0).permutation(pairs)}
    grouped = _grouped(corpus, rows)
    if grouped is not None:
        orders[GROUPED] = grouped
    plans = {CLEARHEAD: ours} | {
        name: [order[start : start + rows] for start in range(0, pairs, rows)]
        for name, order in orders.items()
    }
    return {name: _batching(corpus, plan, count) for name, plan in plans.items()}


def _grouped(corpus: Corpus, rows: int) -> np.ndarray | None:
    """Return the order of transformers' own sampler; None where it is not installed."""
    try:
        from transformers.trainer_pt_utils import LengthGroupedSampler
    except ModuleNotFoundError:
        return None
    sampler: Iterable[int] = LengthGroupedSampler(
        rows,
        lengths=corpus.source_lengths.tolist(),
        generator=torch.Generator().manual_seed(0),
    )
    return np.array(list(sampler))


def _batching(corpus: Corpus, plan: Sequence[np.ndarray], count: int) -> Batching:
    sides = (corpus.source_lengths + 1, corpus.target_lengths + 1)  # with the end token
    places = [sum(int(side[part].max()) * len(part) for side in sides) for part in plan]
    real = sum(int(side[part].sum()) for side in sides for part in plan)
    by_size = np.argsort(places, kind="stable")
    sample = [by_size[len(plan) * (2 * i + 1) // (2 * count)] for i in range(count)]
    return Batching(
        [corpus.batch(plan[i]) for i in sample],
        1 - real / sum(places),
        sum(map(len, plan)) / len(plan),
    )
