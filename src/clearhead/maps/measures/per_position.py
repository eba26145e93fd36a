"""The measures that are one number per query or per key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Float
from .base import Accumulator, Measure, PassContext, Tile
from .pooled import Mass, Pooled
from .topk import TopK

__all__ = [
    "BY_NAME",
    "Diagonal",
    "Distance",
    "Entropy",
    "LogSumExp",
    "Mass",
    "Pooled",
    "Received",
    "Sink",
    "TopK",
    "as_measure",
]


class _PerQuery(Accumulator[Tensor]):
    """One number for each query; 0 for a query that may attend to nothing."""

    def __init__(self, context: PassContext, fill: float = 0) -> None:
        super().__init__()
        self.context = context
        self.numbers = context.per_query(fill=fill)

    def result(self) -> Float[Tensor, "batch heads query_len"]:
        return self.numbers


@dataclass(frozen=True)
class Entropy(Measure[Tensor]):
    """-sum_j w_ij ln w_ij: Float["batch heads query_len"], in nats.

    ln(key_len) for a query that attends evenly, 0 for one that attends to a single key.
    Since ln w = (score - highest) - log_sum, it is log_sum times the sum of the weights plus the
    mean distance to the highest score. Neither is negative or large, however large the scores are.
    """

    name: ClassVar[str] = "entropy"
    needs_scores: ClassVar[bool] = True

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        return _Entropy(context)


class _Entropy(_PerQuery):
    def add(self, tile: Tile) -> None:
        assert tile.log_sum is not None
        assert tile.mean_gap is not None
        entropy = tile.log_sum
        if tile.total is not None:  # 0 where the sink takes all the weight, however large its logit
            entropy = (entropy * tile.total).masked_fill_(tile.total == 0, 0)
        self.numbers[tile.queries] = (entropy + tile.mean_gap).clamp_(min=0)


@dataclass(frozen=True)
class LogSumExp(Measure[Tensor]):
    """log sum_j exp(score_ij): Float["batch heads query_len"]; -inf where nothing is allowed."""

    name: ClassVar[str] = "lse"
    needs_scores: ClassVar[bool] = True

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        return _LogSumExp(context, fill=-torch.inf)


class _LogSumExp(_PerQuery):
    def add(self, tile: Tile) -> None:
        assert tile.lse is not None
        self.numbers[tile.queries] = tile.lse


@dataclass(frozen=True)
class Received(Measure[Tensor]):
    """sum_i w_ij: Float["batch heads key_len"], the attention that each key receives."""

    name: ClassVar[str] = "received"

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        return _ReceivedSums(context)


class _ReceivedSums(Accumulator[Tensor]):
    def __init__(self, context: PassContext) -> None:
        super().__init__()
        self.dtype = context.dtype
        self.sums = context.sums(context.shape[3])

    def add(self, tile: Tile) -> None:
        from_these_queries = tile.weights.sum(-2)
        with self.lock:
            self.sums[tile.keys] += from_these_queries

    def result(self) -> Float[Tensor, "batch heads key_len"]:
        return self.sums.to(self.dtype)


@dataclass(frozen=True)
class Distance(Measure[Tensor]):
    """sum_j w_ij |i - j|: Float["batch heads query_len"], how far away a query looks, in tokens.

    Query i is at key i + query_offset of the map. In cross-attention queries have no place among
    the keys, so it is only the distance of the indices, and says little.
    """

    name: ClassVar[str] = "distance"

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        return _Distance(context)


class _Distance(_PerQuery):
    def add(self, tile: Tile) -> None:
        device, dtype = self.context.device, self.context.dtype
        offset = self.context.query_offset
        rows = torch.arange(tile.rows.start, tile.rows.stop, device=device, dtype=dtype) + offset
        keys = torch.arange(tile.columns.start, tile.columns.stop, device=device, dtype=dtype)
        distance = torch.sub(rows[:, None], keys).abs_()
        products = torch.mul(tile.weights, distance, out=tile.scratch)
        self.numbers[tile.queries] = products.sum(-1)


@dataclass(frozen=True)
class Sink(Measure[Tensor]):
    """The weight that falls on the first ``count`` keys: Float["batch heads query_len"].

    Many heads of language models put idle attention on the first tokens (arXiv 2309.17453).
    """

    count: int = 1
    name: ClassVar[str] = "sink"

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ConfigError(f"sink(count) needs at least one key, not {self.count}.")

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        return _Sink(context, self.count)


class _Sink(_PerQuery):
    def __init__(self, context: PassContext, count: int) -> None:
        super().__init__(context)
        self.count = count

    def add(self, tile: Tile) -> None:
        inside = max(self.count - tile.columns.start, 0)
        self.numbers[tile.queries] = tile.weights[..., :inside].sum(-1)


@dataclass(frozen=True)
class Diagonal(Measure[Tensor]):
    """The weight of key i + offset in query i: Float["batch heads query_len"].

    0 where there is no such key. Offset -1 finds the heads that look at the token before.
    """

    offset: int = 0
    name: ClassVar[str] = "diagonal"

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        return _Diagonal(context, self.offset)


class _Diagonal(_PerQuery):
    def __init__(self, context: PassContext, offset: int) -> None:
        super().__init__(context)
        self.offset = offset

    def add(self, tile: Tile) -> None:
        shift = tile.rows.start + self.offset - tile.columns.start
        weights = tile.weights.diagonal(offset=shift, dim1=-2, dim2=-1)
        first = tile.rows.start + max(-shift, 0)
        self.numbers[tile.batch, tile.heads, first : first + weights.shape[-1]] = weights


BY_NAME: dict[str, Measure[Any]] = {
    measure.name: measure
    for measure in (Entropy(), Received(), Distance(), Sink(), Diagonal(), TopK(), LogSumExp())
}


def as_measure(measure: Measure[Any] | str) -> Measure[Any]:
    """Return the measure of this name with default settings, or the measure itself.

    Raises:
        ConfigError: there is none of this name.
    """
    if isinstance(measure, Measure):
        return measure
    if measure not in BY_NAME:
        with_settings = ", ".join(repr(cls.__name__) for cls in (Pooled, Mass))
        raise ConfigError(
            f"There is no measure {measure!r}. Those with a name are "
            f"{', '.join(sorted(BY_NAME))}; {with_settings} have settings and are given as objects."
        )
    return BY_NAME[measure]
