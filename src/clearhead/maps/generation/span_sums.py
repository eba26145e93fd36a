"""Weights summed over spans of keys, for each query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from ...errors import ConfigError
from ...shapes import Float
from ..measures.base import Accumulator, Measure, PassContext, Tile
from .spans import NamedSpans

WAYS = ("weight", "contribution")


@dataclass(frozen=True)
class SpanSums(Measure[Tensor]):
    """The sum of each query's weights over each span: Float["batch heads query_len spans"].

    Contributions are weights times the Euclidean norm of the key's value.
    """

    spans: NamedSpans
    by: str = "weight"
    name: ClassVar[str] = "span_sums"

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise ConfigError(f"by is one of {', '.join(WAYS)}, not {self.by!r}.")

    @property
    def needs_values(self) -> bool:  # type: ignore[override]
        """Whether contributions are summed."""
        return self.by == "contribution"

    def begin(self, context: PassContext) -> Accumulator[Tensor]:
        return _SpanSums(context, self)


class _SpanSums(Accumulator[Tensor]):
    def __init__(self, context: PassContext, measure: SpanSums) -> None:
        super().__init__()
        self.context, self.spans = context, measure.spans
        self.norms = context.value_norms if measure.needs_values else None
        self.sums = context.per_query(len(measure.spans.names))

    def add(self, tile: Tile) -> None:
        shares = self.spans.shares(tile.columns, tile.weights.dtype, tile.weights.device)
        shares = shares[tile.batch, None]
        if self.norms is not None:
            shares = shares * self.norms[tile.keys].to(shares)[..., None]
        self.sums[tile.queries] = (tile.weights @ shares).to(self.sums.dtype)

    def result(self) -> Float[Tensor, "batch heads query_len spans"]:
        return self.sums
