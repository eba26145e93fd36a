"""What positions do inside of attention: nothing, a rotation of queries and keys, or a bias."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...config import TransformerConfig
from ...shapes import Array, Bool, Shaped
from ..positions import Rotation, alibi_bias, relative_bias, rotary_angles


class AttentionPositions:
    """The rotation, or the bias of the scores, of a model's self-attentions.

    Args:
        config: of the model.
        weights: of the whole model.
    """

    def __init__(self, config: TransformerConfig, weights: Mapping[str, Array]) -> None:
        self._config, self._weights = config, weights
        self._dtype = next(iter(weights.values())).dtype
        if config.positions == "rotary":
            dim, base = config.head_dim, config.rotary_base
            self._angles = rotary_angles(config.max_length, dim, base=base, dtype=self._dtype)

    def rotation(self, start: int, length: int) -> Rotation | None:
        """Return the rotation of ``length`` positions from ``start`` on; None without rotation."""
        if self._config.positions != "rotary":
            return None
        window = slice(start, start + length)
        return Rotation(self._angles.cosine[window], self._angles.sine[window])

    def add_bias(
        self,
        mask: Bool[Array, "... key_len"] | None,
        stack: str,
        start: int,
        length: int,
    ) -> Shaped[Array, "... key_len"] | None:
        """Return a mask with the bias of positions added, where there is one.

        Args:
            mask: boolean, True where a query may attend; None for all.
            stack: ``encoder`` or ``decoder``.
            start, length: of the queries' positions; keys begin at position 0.

        Returns:
            ``mask`` itself, or Float["... heads query_len key_len"] to be added to the scores.
        """
        config = self._config
        if config.positions not in ("alibi", "relative"):
            return mask
        queries, keys = np.arange(start, start + length), np.arange(start + length)
        if config.positions == "alibi":
            bias = alibi_bias(config.num_heads, queries, keys)
        else:
            bias = relative_bias(
                self._weights[f"{stack}.relative_bias.weight"],
                queries,
                keys,
                bidirectional=stack == "encoder",
                max_distance=config.relative_max_distance,
            )
        bias = bias.astype(self._dtype, copy=False)
        return bias if mask is None else np.where(mask, bias, self._dtype.type(-np.inf))
