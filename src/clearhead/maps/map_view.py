"""The part of a map that stands in brackets, computed and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .indexing import selection
from .key_ranges import Positions, as_slice, chunks, pick

if TYPE_CHECKING:
    from .attention_map import AttentionMap


class MapView:
    """Weights, scores or contributions of a map, computed where they are indexed."""

    def __init__(self, attention_map: AttentionMap, kind: str) -> None:
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
        scores = whole.scoring.tile(whole.query, whole.key, rows, columns, batch=batch, heads=heads)
        if self._kind != "scores":
            lse = _lse_of(whole, chosen.positions[2], batch, heads)[..., None]
            # Where a query sees nothing, -inf less -inf would be no number.
            scores = scores.sub_(lse.masked_fill(lse == -torch.inf, torch.inf)).exp_()
        if self._kind == "contributions":
            norms = whole.value_norms()
            assert norms is not None
            scores *= pick(pick(pick(norms, 0, batch), 1, heads), 2, columns)[..., None, :]
        return scores[chosen.within]


def _lse_of(whole: AttentionMap, rows: Tensor, batch: Positions, heads: Positions) -> Tensor:
    """Float["batch heads rows"]: of these rows alone unless it is known or many are asked for."""
    if whole.known_lse is not None or not 0 < rows.numel() * 4 < whole.shape[2]:
        return pick(pick(pick(whole.lse, 0, batch), 1, heads), 2, as_slice(rows))
    parts = []
    for part in chunks(len(rows), whole.shape[1] * whole.shape[3]):
        scores = whole.scoring.tile(
            whole.query, whole.key, as_slice(rows[part]), batch=batch, heads=heads
        )
        parts.append(scores.logsumexp(-1))
    lse = torch.cat(parts, -1)
    if whole.scoring.sinks is not None:
        lse = torch.logaddexp(lse, pick(whole.scoring.sinks, 0, heads).to(lse.dtype)[:, None])
    return lse
