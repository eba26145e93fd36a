"""Positions inside attention: a rotation of queries and keys, or a bias, or nothing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...config import TransformerConfig
from ...config_parts import RotaryConfig
from ...shapes import Array, Bool, Float, Shaped
from ..positions import alibi_bias, relative_bias
from ..rotary import Rotation, rotary_angles
from .growing_rows import GrowingRows


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
            self._angles = self._rotations(config.rotary_base, config.rotary)
            # Layers with a base of their own are not scaled.
            local_base = config.rotary.local_base
            self._local = (
                self._rotations(local_base, RotaryConfig()) if local_base else self._angles
            )

    def _rotations(self, base: float, scaling: RotaryConfig) -> GrowingRows:
        """Return cosines and sines side by side, for as many positions as needed."""
        dim = self._config.rotary_dim

        def compute(start: int, length: int) -> Float[Array, "length rotary_dim"]:
            positions = np.arange(start, start + length)
            angles = rotary_angles(positions, dim, base=base, scaling=scaling, dtype=self._dtype)
            return np.concatenate(angles, axis=-1)

        return GrowingRows(compute)

    def rotation(self, start: int, length: int, *, local: bool = False) -> Rotation | None:
        """Return the rotation of ``length`` positions from ``start`` on; None without rotation.

        Args:
            start: the first position.
            length: how many.
            local: of a layer with a window, whose base may be another.
        """
        if self._config.positions != "rotary":
            return None
        rows = (self._local if local else self._angles)(start, length)
        pairs = rows.shape[-1] // 2
        return Rotation(rows[:, :pairs], rows[:, pairs:])

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
            bias = alibi_bias(config.of_stack(stack).num_heads, queries, keys)
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
