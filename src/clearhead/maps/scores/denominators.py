"""The denominators of a softmax, stored so that no digits are lost where scores are large.

The log-sum-exp of scores near -1e9 is rounded to the last digit of -1e9, which destroys it.
Relative to the highest score of its row it is a small number, and keeps all its digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from ...shapes import Float
from ..measures.base import Accumulator, Measure, PassContext, Tile
from .positions import Positions, pick
from .precision import exact_dtype


class Denominators(NamedTuple):
    """exp(highest + log_sum) is what the exponentials of a row of scores are divided by.

    Attributes:
        highest: the highest score of each row; -inf where the query may attend to nothing.
        log_sum: log sum_j exp(score_j - highest), the sink's share included; between 0 and
            log(key_len) without one.
    """

    highest: Float[Tensor, "batch heads query_len"]
    log_sum: Float[Tensor, "batch heads query_len"]

    @property
    def lse(self) -> Float[Tensor, "batch heads query_len"]:
        """Their logarithm, in the dtype of ``log_sum``."""
        return (self.highest + self.log_sum).to(self.log_sum.dtype)

    @property
    def nbytes(self) -> int:
        """The memory of both."""
        return self.highest.nbytes + self.log_sum.nbytes

    def at(self, rows: Positions, batch: Positions, heads: Positions) -> Denominators:
        """Return the denominators of some rows."""
        return Denominators(*(pick(pick(pick(x, 0, batch), 1, heads), 2, rows) for x in self))

    def weights(
        self, scores: Float[Tensor, "batch heads rows columns"]
    ) -> Float[Tensor, "batch heads rows columns"]:
        """Return the weights of some keys, in the dtype of ``log_sum``.

        Args:
            scores: of the same rows; written over.
        """
        # Where a query may attend to nothing, -inf - -inf would be NaN.
        highest = self.highest.masked_fill(self.highest == -torch.inf, torch.inf)
        below = scores.sub_(highest.to(scores.dtype)[..., None]).to(self.log_sum.dtype)
        return below.sub_(self.log_sum[..., None]).exp_()


def normalised(
    scores: Float[Tensor, "batch heads rows key_len"],
    dtype: torch.dtype,
    *,
    sinks: Float[Tensor, "heads"] | None = None,
    may_be_dead: bool = True,
) -> Float[Tensor, "batch heads rows key_len"]:
    """Return the weights of whole rows of scores: 0 where a query may attend to nothing.

    Args:
        scores: -inf where a query may not attend; written over.
        dtype: of the weights.
        sinks: a logit for each of these heads that joins the denominator only.
        may_be_dead: whether there may be a query that may attend to nothing.
    """
    if not scores.numel():
        return scores.to(dtype)
    # The highest score of each row, if anything below needs it.
    highest = dead = None
    if may_be_dead or sinks is not None or scores.dtype != dtype:
        highest = scores.amax(-1)
        dead = highest == -torch.inf
        highest = highest.masked_fill_(dead, 0)
    if scores.dtype != dtype and highest is not None:
        scores = scores.sub_(highest[..., None]).to(dtype)
    in_place = scores if scores.device.type == "cpu" else None
    weights = torch.softmax(scores, -1, out=in_place)
    if sinks is not None and highest is not None:
        # The largest weight is exp(-log_sum).
        _, total = with_sinks(highest, weights.amax(-1).log_().neg_(), sinks)
        weights *= total[..., None]
    if dead is not None and bool(dead.any()):
        weights.masked_fill_(dead[..., None], 0)
    return weights


def with_sinks(
    highest: Float[Tensor, "batch heads rows"],
    log_sum: Float[Tensor, "batch heads rows"],
    sinks: Float[Tensor, "heads"],
) -> tuple[Float[Tensor, "batch heads rows"], Float[Tensor, "batch heads rows"]]:
    """Return the log of the sum with the sinks, and the sum of the weights left to the keys."""
    distance = (sinks.to(highest.dtype)[:, None] - highest).to(log_sum.dtype)
    together = torch.logaddexp(log_sum, distance)
    return together, (log_sum - together).exp_()


@dataclass(frozen=True)
class RowDenominators(Measure[Denominators]):
    """The denominators of all rows, which a map keeps when a pass has computed them."""

    name: ClassVar[str] = "denominators"
    needs_scores: ClassVar[bool] = True

    def begin(self, context: PassContext) -> Accumulator[Denominators]:
        return _RowDenominators(context)


class _RowDenominators(Accumulator[Denominators]):
    def __init__(self, context: PassContext) -> None:
        super().__init__()
        widest = exact_dtype(context.device)
        self.highest = context.per_query(dtype=widest, fill=-torch.inf)
        self.log_sum = context.per_query()

    def add(self, tile: Tile) -> None:
        assert tile.highest is not None
        assert tile.log_sum is not None
        self.highest[tile.queries] = tile.highest.to(self.highest.dtype)
        self.log_sum[tile.queries] = tile.log_sum

    def result(self) -> Denominators:
        return Denominators(self.highest, self.log_sum)
