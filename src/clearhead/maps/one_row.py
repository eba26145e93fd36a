"""One row of the batch of an attention map, as a map of its own; nothing is copied."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from torch import Tensor

from .attention_map import AttentionMap
from .bias import DenseBias, ToeplitzBias
from .key_ranges import DenseMask, KeyRanges, take

if TYPE_CHECKING:
    from .scoring import Scoring


def one_row(attention_map: AttentionMap, row: int) -> AttentionMap:
    """The map of one row of the batch, whose own batch is 1.

    Labels stay with the whole map.

    Raises:
        IndexError: there is no such row.
    """
    if not 0 <= row < attention_map.shape[0]:
        raise IndexError(
            f"The batch has {attention_map.shape[0]} rows, from 0; there is no row {row}."
        )
    rows = slice(row, row + 1)
    value, lse = attention_map.value, attention_map.known_lse
    return AttentionMap(
        attention_map.query[rows],
        attention_map.key[rows],
        _scoring(attention_map.scoring, rows),
        value=None if value is None else value[rows],
        lse=None if lse is None else lse[rows],
        source=attention_map.source,
        query_offset=attention_map.query_offset,
    )


def _scoring(scoring: Scoring, rows: slice) -> Scoring:
    modification = scoring.score_mod

    def of_this_row(score: Tensor, batch: Tensor, *places: Tensor) -> Tensor:
        assert modification is not None
        return modification(score, batch + rows.start, *places)

    return replace(
        scoring,
        allowed=_allowed(scoring.allowed, rows),
        bias=_bias(scoring.bias, rows),
        score_mod=None if modification is None else of_this_row,
        flat=None if scoring.flat is None else take(scoring.flat, 0, rows),
    )


def _allowed(allowed: KeyRanges | DenseMask | None, rows: slice) -> KeyRanges | DenseMask | None:
    if allowed is None:
        return None
    if isinstance(allowed, KeyRanges):
        return KeyRanges(take(allowed.start, 0, rows), take(allowed.end, 0, rows))
    within = _allowed(allowed.within, rows)
    assert not isinstance(within, DenseMask)
    return DenseMask(take(allowed.allowed, 0, rows), within)


def _bias(bias: ToeplitzBias | DenseBias | None, rows: slice) -> ToeplitzBias | DenseBias | None:
    return None if bias is None else replace(bias, values=take(bias.values, 0, rows))
