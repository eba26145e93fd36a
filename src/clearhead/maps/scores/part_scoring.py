"""The scoring of a part of an attention: of some rows of its batch, or of some of its queries."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from ...shapes import Int, Shaped
from .bias import DenseBias, ToeplitzBias
from .masks.dense_mask import DenseMask
from .masks.key_ranges import KeyRanges
from .positions import take
from .scoring import Scoring


def scoring_of_rows(scoring: Scoring, rows: Int[Tensor, "rows"]) -> Scoring:
    """Return the scoring of a batch made of these rows, in this order."""

    def part_of(x: Tensor) -> Shaped[Tensor, "#rows *rest"]:
        return take(x, 0, rows.to(x.device))

    modification, mask, bias = scoring.score_mod, scoring.mask, scoring.bias

    def of_these_rows(score: Tensor, batch: Tensor, *places: Tensor) -> Tensor:
        assert modification is not None
        return modification(score, rows.to(batch.device)[batch], *places)

    return replace(
        scoring,
        mask=None if mask is None else mask.part(batch=rows.to(mask.device)),
        bias=None if bias is None else replace(bias, values=part_of(bias.values)),
        score_mod=None if modification is None else of_these_rows,
        flat=None if scoring.flat is None else part_of(scoring.flat),
    )


def scoring_of_queries(scoring: Scoring, first: int, end: int) -> Scoring:
    """Return the scoring of queries first to end - 1, against the same keys."""
    modification, mask, flat = scoring.score_mod, scoring.mask, scoring.flat

    def of_these_queries(
        score: Tensor, batch: Tensor, head: Tensor, query: Tensor, key: Tensor
    ) -> Tensor:
        assert modification is not None
        return modification(score, batch, head, query + first, key)

    return replace(
        scoring,
        mask=None if mask is None else mask.part(slice(first, end)),
        bias=_bias_of_queries(scoring.bias, first, end),
        score_mod=None if modification is None else of_these_queries,
        flat=None if flat is None else take(flat, 2, slice(first, end)),
    )


def _bias_of_queries(
    bias: ToeplitzBias | DenseBias | None, first: int, end: int
) -> ToeplitzBias | DenseBias | None:
    if isinstance(bias, DenseBias):
        return DenseBias(take(bias.values, 2, slice(first, end)))
    if bias is None:
        return None
    # Diagonals are counted from the last query's distance to the first key.
    behind = bias.query_len - end
    diagonals = bias.values.shape[-1]
    return ToeplitzBias(bias.values[..., behind : diagonals - first], end - first)


def without_rows(
    scoring: Scoring, queries: Int[Tensor, "rows"], query_len: int, key_len: int
) -> Scoring:
    """Return a scoring in which only the first queries of each batch row attend to anything.

    The others attend to nothing.

    Args:
        scoring: of the whole attention.
        queries: how many of them each row has.
        query_len, key_len: the sizes of the whole attention.
    """
    places = torch.arange(query_len, device=queries.device)
    end = (places < queries[:, None]).int()[:, None] * key_len
    alive = KeyRanges(torch.zeros_like(end), end)
    mask = scoring.mask
    if mask is None:
        return replace(scoring, mask=alive)
    return replace(scoring, mask=mask.intersect(alive.to(mask.device)))


def scoring_of_keys(scoring: Scoring, query_len: int, key_len: int) -> Scoring:
    """Return the scoring of the first keys, given that no query attends to the others.

    Args:
        scoring: of the whole attention.
        query_len: how many queries there are.
        key_len: how many keys stay.
    """
    bias = scoring.bias
    if isinstance(bias, ToeplitzBias):
        bias = ToeplitzBias(bias.values[..., : query_len + key_len - 1], query_len)
    elif isinstance(bias, DenseBias):
        bias = DenseBias(take(bias.values, 3, slice(0, key_len)))
    mask = scoring.mask
    if isinstance(mask, DenseMask):
        mask = DenseMask(take(mask.visible, 3, slice(0, key_len)), mask.ranges)
    return replace(scoring, mask=mask, bias=bias)
