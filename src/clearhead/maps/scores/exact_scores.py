"""The scores of a map, computed in float64 where float32 would lose digits."""

from __future__ import annotations

import torch
from torch import Tensor

from ...shapes import Float
from .denominators import Denominators
from .positions import ALL, Positions
from .precision import any_far, highest_norm, lies_far, narrowed, score_dtype
from .scoring import Scoring


class ExactScores:
    """The scores of a map. How large its products may be is determined once and remembered.

    Args:
        query, key: of the whole map.
        scoring: how scores come from them.
    """

    def __init__(
        self,
        query: Float[Tensor, "batch heads query_len head_dim"],
        key: Float[Tensor, "batch kv_heads key_len head_dim"],
        scoring: Scoring,
    ) -> None:
        self._query, self._key, self._scoring = query, key, scoring
        self._key_norm: Tensor | None = None
        self._far: bool | None = None

    @property
    def are_far(self) -> bool:
        """Whether products may be too large for float32."""
        if score_dtype(self._query) == torch.float64:
            return False
        if self._far is None:
            norm = highest_norm(self._query)
            self._far = lies_far(norm, self._norm_of_keys(), self._scoring.scale)
        return self._far or narrowed(self._query.device)

    def at(
        self,
        rows: Positions,
        columns: Positions = ALL,
        batch: Positions = ALL,
        heads: Positions = ALL,
        denominators: Denominators | None = None,
    ) -> Float[Tensor, "batch heads rows columns"]:
        """Return some scores, -inf where a query may not attend, as `Scoring.tile` does.

        Args:
            rows, columns, batch, heads: slices of step 1, or index vectors.
            denominators: of these rows, where weights of a part of their keys are to be computed.
        """
        exact = None if score_dtype(self._query) == torch.float32 else False
        if self._scoring.adds:
            if denominators is not None and any_far(denominators.highest):
                exact = True  # as the denominators were
        elif self._far is not None and not self.are_far:
            exact = False
        sizes = self._query.shape[:2]
        if exact is None and all(map(_covers, (batch, heads), sizes)):
            self._norm_of_keys()  # of all of them, and so for later, too
        return self._scoring.tile(
            self._query,
            self._key,
            rows,
            columns,
            batch=batch,
            heads=heads,
            exact=exact,
            key_norm=self._key_norm if exact is None else None,
        )

    def _norm_of_keys(self) -> Float[Tensor, "batch kv_heads"]:
        if self._key_norm is None:
            self._key_norm = highest_norm(self._key)
        return self._key_norm


def _covers(positions: Positions, size: int) -> bool:
    """Say whether these are all positions of an axis."""
    return isinstance(positions, slice) and positions.indices(size) == (0, size, 1)
