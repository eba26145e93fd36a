"""The part of a map that stands in brackets, computed and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .indexing import selection
from .scores.denominators import normalised
from .scores.key_ranges import ALL, Positions, as_slice, chunks, pick
from .stored_attention import StoredAttention


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
        whole = self._map
        chosen = selection(index, whole.shape, whole.query.device)
        batch, heads, rows, columns = (as_slice(x) for x in chosen.positions)
        if self._kind == "scores":
            found = whole.scores_at(rows, columns, batch, heads).to(whole.dtype)
            return found[chosen.within]
        weights = _weights(whole, chosen.positions, batch, heads)
        if self._kind == "contributions":
            norms = whole.value_norms()
            assert norms is not None
            weights *= pick(pick(pick(norms, 0, batch), 1, heads), 2, columns)[..., None, :]
        return weights[chosen.within]


def _weights(
    whole: StoredAttention, positions: Sequence[Tensor], batch: Positions, heads: Positions
) -> Tensor:
    """Float["batch heads rows columns"]."""
    _, _, rows, columns = positions
    query_len, key_len = whole.shape[2:]
    shown = as_slice(columns)
    if shown == slice(0, key_len) or (
        whole.known_denominators is None and len(rows) * 4 < query_len
    ):
        return _of_whole_rows(whole, rows, shown, batch, heads)
    denominators = whole.denominators.at(as_slice(rows), batch, heads)
    scores = whole.scores_at(as_slice(rows), shown, batch, heads, denominators)
    return denominators.weights(scores)


def _of_whole_rows(
    whole: StoredAttention, rows: Tensor, columns: Positions, batch: Positions, heads: Positions
) -> Tensor:
    """The same, by a softmax over all keys of these rows; nothing else need be known."""
    sinks = whole.scoring.sinks
    sinks = None if sinks is None else pick(sinks, 0, heads)
    may_be_dead = whole.scoring.adds or whole.scoring.allowed is not None
    every = columns == slice(0, whole.shape[3])
    parts = list(chunks(len(rows), whole.shape[1] * whole.shape[3]))
    if not parts or (every and len(parts) > 1 and not whole.is_far):
        parts = [slice(0, len(rows))]  # an answer that is as large as what it is computed from
    found = []
    for part in parts:
        scores = whole.scores_at(as_slice(rows[part]), ALL, batch, heads)
        weights = normalised(scores, whole.dtype, sinks=sinks, may_be_dead=may_be_dead)
        found.append(weights if every else pick(weights, 3, columns))
    return found[0] if len(found) == 1 else torch.cat(found, 2)
