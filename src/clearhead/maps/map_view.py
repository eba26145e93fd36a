"""MapView: computes the part of a map that is indexed, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ..shapes import Float, Int
from .scores.denominators import normalised
from .scores.positions import ALL, Positions, as_slice, chunks, pick
from .storage.indexing import selection
from .storage.stored_attention import StoredAttention


class MapView:
    """Weights, scores or contributions of a map, computed where they are indexed."""

    def __init__(self, attention_map: StoredAttention, kind: str) -> None:
        self._map, self._kind = attention_map, kind

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(batch, heads, query_len, key_len)."""
        return self._map.shape

    def __repr__(self) -> str:
        return f"<{self._kind} of {self._map!r}; index it, as in [0, 3, 100:110]>"

    def __getitem__(self, index: Any) -> Tensor:
        attention = self._map
        part = selection(index, attention.shape, attention.query.device)
        batch, heads, rows, columns = (as_slice(x) for x in part.positions)
        if self._kind == "scores":
            scores = attention.scores_at(rows, columns, batch, heads).to(attention.dtype)
            return scores[part.within]
        weights = _weights(attention, part.positions, batch, heads)
        if self._kind == "contributions":
            norms = attention.value_norms()
            assert norms is not None
            weights *= pick(pick(pick(norms, 0, batch), 1, heads), 2, columns)[..., None, :]
        return weights[part.within]


def _weights(
    attention: StoredAttention, positions: Sequence[Tensor], batch: Positions, heads: Positions
) -> Float[Tensor, "batch heads rows columns"]:
    """Compute some weights from whole rows or from denominators, whichever is less work."""
    _, _, rows, columns = positions
    query_len, key_len = attention.shape[2:]
    keys = as_slice(columns)
    if keys == slice(0, key_len) or (
        attention.known_denominators is None and len(rows) * 4 < query_len
    ):
        return _of_whole_rows(attention, rows, keys, batch, heads)
    denominators = attention.denominators.at(as_slice(rows), batch, heads)
    scores = attention.scores_at(as_slice(rows), keys, batch, heads, denominators)
    return denominators.weights(scores)


def _of_whole_rows(
    attention: StoredAttention,
    rows: Int[Tensor, "rows"],
    columns: Positions,
    batch: Positions,
    heads: Positions,
) -> Float[Tensor, "batch heads rows columns"]:
    """Compute some weights by a softmax over all keys of their rows."""
    sinks = attention.scoring.sinks
    sinks = None if sinks is None else pick(sinks, 0, heads)
    may_be_dead = attention.scoring.adds or attention.scoring.mask is not None
    every = columns == slice(0, attention.shape[3])
    # In chunks, unless the answer is as large as the scores that it is computed from.
    parts = list(chunks(len(rows), attention.shape[1] * attention.shape[3]))
    if not parts or (every and len(parts) > 1 and not attention.is_far):
        parts = [slice(0, len(rows))]
    chunks_of_weights = []
    for part in parts:
        scores = attention.scores_at(as_slice(rows[part]), ALL, batch, heads)
        weights = normalised(scores, attention.dtype, sinks=sinks, may_be_dead=may_be_dead)
        chunks_of_weights.append(weights if every else pick(weights, 3, columns))
    return chunks_of_weights[0] if len(parts) == 1 else torch.cat(chunks_of_weights, 2)
