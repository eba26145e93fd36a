"""The attentions of a step, with one query in each row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...reference.layers.multi_head import MultiHeadAttention
from ...reference.products import Multiply
from ...shapes import Array, Bool, Float
from ..cache import KeyValueCache
from ..memories import SharedMemory
from .linear import LinearStep


class Heads:
    """Attention in each head, as `clearhead.reference.attention` has it.

    Args:
        head_dim: width of a head.
        scale: of the scores; None means 1 / sqrt(head_dim).
        multiply: how two matrices are multiplied.
        dtype: of queries, keys and values.
    """

    def __init__(
        self, head_dim: int, scale: float | None, multiply: Multiply, dtype: np.dtype[Any]
    ) -> None:
        self._factor = 1 / math.sqrt(head_dim) if scale is None else float(scale)
        self._multiply = multiply
        self._lowest, self._smallest = np.finfo(dtype).min, np.finfo(dtype).tiny

    def __call__(
        self,
        query: Float[Array, "batch heads queries head_dim"],
        key: Float[Array, "batch heads key_len head_dim"],
        value: Float[Array, "batch heads key_len head_dim"],
        hidden: Bool[Array, "batch 1 1 key_len"] | None = None,
    ) -> Float[Array, "batch heads queries head_dim"]:
        """Return the output of each query; ``hidden`` marks the keys that are masked."""
        weights = self._multiply(query, key.swapaxes(-1, -2))
        weights *= self._factor
        if hidden is None:
            weights -= np.maximum.reduce(weights, axis=-1, keepdims=True)
        else:
            np.copyto(weights, -np.inf, where=hidden)
            # A highest of -inf would make -inf - -inf = NaN.
            weights -= np.maximum.reduce(weights, axis=-1, keepdims=True, initial=self._lowest)
        np.exp(weights, out=weights)
        total = np.add.reduce(weights, axis=-1, keepdims=True)
        if hidden is not None:
            np.maximum(total, self._smallest, out=total)
        weights /= total
        return self._multiply(weights, value)


class SelfAttentionStep:
    """Self-attention of the newest position, whose key and value go into the cache.

    Args:
        layer: the attention.
        number: of the decoder layer.
        heads: attention in each of its heads.
    """

    def __init__(self, layer: MultiHeadAttention, number: int, heads: Heads) -> None:
        (joint,) = layer.query_key_value.linears
        self._query_key_value, self._output = LinearStep(joint), LinearStep(layer.output)
        self._number, self._num_heads, self._heads = number, layer.num_heads, heads

    def __call__(
        self, rows: Float[Array, "rows d_model"], cache: KeyValueCache
    ) -> Float[Array, "rows d_model"]:
        """Return the attention's output of each row."""
        count = len(rows)
        joint = self._query_key_value(rows).reshape(count, 3, self._num_heads, 1, -1)
        key, value = cache.extend(self._number, joint[:, 1], joint[:, 2])
        output = self._heads(joint[:, 0], key, value)
        return self._output(output.reshape(count, -1))


class CrossAttentionStep:
    """Cross-attention of each row to its source.

    Args:
        layer: the attention.
        heads: attention in each of its heads.
    """

    def __init__(self, layer: MultiHeadAttention, heads: Heads) -> None:
        self._query, self._output = LinearStep(layer.query), LinearStep(layer.output)
        self._num_heads, self._heads = layer.num_heads, heads

    def __call__(
        self, rows: Float[Array, "rows d_model"], memory: SharedMemory
    ) -> Float[Array, "rows d_model"]:
        """Return the attention's output of each row."""
        query = self._query(rows)
        result = np.empty_like(query)
        for share in memory.shares:
            key, value, _ = share.memory
            users = query if share.users is None else query[share.users]
            # The rows of a source are queries of one product: see `SharedMemory.attend`.
            together = users.reshape(len(key), -1, self._num_heads, key.shape[-1]).swapaxes(1, 2)
            output = self._heads(together, key, value, share.hidden).swapaxes(1, 2)
            if share.users is None:
                result = output.reshape(query.shape)
            else:
                result[share.users] = output.reshape(users.shape)
        return self._output(result)
