"""One batch row of an attention map, or some of its heads, as a map of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from torch import Tensor

from ..shapes import Shaped
from .attention_map import AttentionMap
from .scores.positions import ALL, take
from .scores.scoring import Scoring


def one_row(
    attention_map: AttentionMap, row: int, kv_heads: tuple[int, int] | None = None
) -> AttentionMap:
    """Return the map of one row of the batch, whose own batch is 1.

    It has no labels.

    Args:
        attention_map: the whole.
        row: its index in the batch.
        kv_heads: (first, end): take the query heads of key heads first to end - 1; None for all.

    Raises:
        IndexError: there is no such row, or there are no such heads.
    """
    if not 0 <= row < attention_map.shape[0]:
        raise IndexError(
            f"The batch has {attention_map.shape[0]} rows, from 0; there is no row {row}."
        )
    count = attention_map.key.shape[1]
    first, end = kv_heads or (0, count)
    if not 0 <= first < end <= count:
        raise IndexError(f"There are {count} heads of keys, from 0; there are no {first} to {end}.")
    group = attention_map.shape[1] // count
    part = _RowsAndHeads(slice(row, row + 1), slice(first * group, end * group))
    keys = (part.rows, slice(first, end))
    value, denominators = attention_map.value, attention_map.known_denominators
    return AttentionMap(
        attention_map.query[part.rows, part.heads],
        attention_map.key[keys],
        _scoring(attention_map.scoring, part),
        value=None if value is None else value[keys],
        denominators=None if denominators is None else denominators.at(ALL, part.rows, part.heads),
        source=attention_map.source,
        query_offset=attention_map.query_offset,
    )


class _RowsAndHeads(NamedTuple):
    """Some rows of the batch and some query heads."""

    rows: slice
    heads: slice

    def of(
        self, x: Shaped[Tensor, "#batch #heads *rest"]
    ) -> Shaped[Tensor, "#rows #part_heads *rest"]:
        """Return this part of a tensor."""
        return take(take(x, 1, self.heads), 0, self.rows)


def _scoring(scoring: Scoring, part: _RowsAndHeads) -> Scoring:
    """Return the scoring of this part."""
    modification = scoring.score_mod

    def of_this_part(score: Tensor, batch: Tensor, head: Tensor, *places: Tensor) -> Tensor:
        assert modification is not None
        return modification(score, batch + part.rows.start, head + part.heads.start, *places)

    mask, bias = scoring.mask, scoring.bias
    return replace(
        scoring,
        mask=None if mask is None else mask.part(batch=part.rows, heads=part.heads),
        bias=None if bias is None else replace(bias, values=part.of(bias.values)),
        score_mod=None if modification is None else of_this_part,
        sinks=None if scoring.sinks is None else scoring.sinks[part.heads],
        flat=None if scoring.flat is None else part.of(scoring.flat),
    )
