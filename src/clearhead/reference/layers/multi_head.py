"""Multi-head attention: projections, heads, attention in each, concatenation, projection.

    query, key, value = x W_q^T + b_q, x W_k^T + b_k, x W_v^T + b_v      split into heads
    output            = attention(query, key, value)                     in each head
    projected         = concatenated output W_o^T + b_o

(Vaswani et al. 2017, section 3.2.2.) With fewer heads of keys and values it is grouped-query
attention (Ainslie et al. 2023, arXiv 2305.13245).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple, Protocol

import numpy as np

from ...errors import ConfigError
from ...shapes import Array, Bool, Float, Shaped
from ..attention import attention, merge_heads, split_heads
from ..masks import Window, causal_mask, sliding_window_mask
from ..products import PLAIN, Products
from ..rotary import Rotation
from ..settings import check_heads
from ..tracing.steps import attention as steps
from ..tracing.trace import OFF
from ..tracing.watcher import Watcher
from .heads import PLAIN_ROTATION, HeadPreparation
from .linear import JointLinear, Linear, WeightAndBias, weight_and_bias


class Memory(Protocol):
    """The keys and values that cross-attention attends to."""

    def attend(
        self,
        query: Float[Array, "batch heads query_len head_dim"],
        attention: Callable[..., tuple[Array, Array]],
    ) -> Float[Array, "batch heads query_len head_dim"]:
        """Return the output of the queries on the memory, by the `attention` of the layer."""
        ...


class KeysAndValues(NamedTuple):
    """The memory of a batch: each row attends to the keys of its own row.

    Attributes:
        key, value: of each head.
        mask: as in `attention`; of an encoder's output it is Bool["batch 1 1 key_len"].
    """

    key: Float[Array, "batch kv_heads key_len head_dim"]
    value: Float[Array, "batch kv_heads key_len head_dim"]
    mask: Bool[Array, "... key_len"] | None = None

    def attend(
        self,
        query: Float[Array, "batch heads query_len head_dim"],
        attention: Callable[..., tuple[Array, Array]],
    ) -> Float[Array, "batch heads query_len head_dim"]:
        """See `Memory.attend`."""
        output, _ = attention(query, self.key, self.value, mask=self.mask)
        return output


class Past(Protocol):
    """The keys and values of one layer at earlier positions, such as a cache."""

    def extend(
        self,
        key: Float[Array, "batch kv_heads new_len head_dim"],
        value: Float[Array, "batch kv_heads new_len head_dim"],
    ) -> tuple[
        Float[Array, "batch kv_heads key_len head_dim"],
        Float[Array, "batch kv_heads key_len head_dim"],
    ]:
        """Append keys and values of new positions, and return those of all positions so far."""
        ...


class MultiHeadAttention:
    """One attention layer: projections, attention in each head, and a projection of its output.

    Args:
        weights: holds ``{path}.query.weight``, ``.bias`` and the same of key, value and output;
            with ``{path}.query_norm.weight`` and ``key_norm.weight`` each head's query and key
            pass through a root-mean-square norm.
        path: the place in the weights, such as ``decoder.layers.0.self_attention``.
        num_heads, num_kv_heads: of queries, and of keys and values.
        cross: whether keys and values come from another sequence than queries.
        scale, softcap: as in `attention`.
        window: how many positions up to its own a query sees in self-attention; 0 for no limit.
        epsilon: of the norms of queries and keys.
        rotation: how a rotation is computed, for the trace: see
            `clearhead.reference.tracing.steps.heads`.
        products: how matrices are multiplied.
    """

    def __init__(
        self,
        weights: Mapping[str, Array],
        path: str,
        *,
        num_heads: int,
        num_kv_heads: int | None = None,
        cross: bool = False,
        scale: float | None = None,
        softcap: float | None = None,
        window: int = 0,
        epsilon: float = 1e-5,
        rotation: tuple[bool, str, str] = PLAIN_ROTATION,
        products: Products = PLAIN,
    ) -> None:
        def layer(name: str) -> WeightAndBias:
            return weight_and_bias(weights, f"{path}.{name}")

        self.num_heads = num_heads
        self.num_kv_heads = num_heads if num_kv_heads is None else num_kv_heads
        check_heads("num_heads", num_heads)
        check_heads("num_kv_heads", self.num_kv_heads)
        self.cross = cross
        self.window = window
        norms = (weights.get(f"{path}.{part}_norm.weight") for part in ("query", "key"))
        self._heads = HeadPreparation(*norms, epsilon=epsilon, rotation=rotation)
        # Projections of the same input are one matrix product.
        if cross:
            self.query = Linear(*layer("query"), products=products)
            self._key_value = JointLinear([layer("key"), layer("value")], products=products)
        else:
            inputs = [layer("query"), layer("key"), layer("value")]
            self.query_key_value = JointLinear(inputs, products=products)
        self.output = Linear(*layer("output"), products=products)
        self._attention = partial(
            attention, scale=scale, softcap=softcap, multiply=products.multiply
        )

    def self_attention(
        self,
        x: Float[Array, "batch query_len d_model"],
        *,
        causal: bool = False,
        mask: Array | None = None,
        rotation: Rotation | None = None,
        past: Past | None = None,
        trace: Watcher = OFF,
        of: tuple[str, ...] = (),
    ) -> Float[Array, "batch query_len d_model"]:
        """Attend within one sequence.

        Args:
            x: what queries, keys and values are made from.
            causal: no query attends to later positions.
            mask: as in `attention`: boolean, or added to the scaled scores.
            rotation: of the positions of ``x``, for rotary positions.
            past: keys and values of earlier positions, to which those of ``x`` are appended.
            trace: records ``query key value`` (before norms and rotation as ``query_projected``,
                ``key_projected``), attention's steps, ``concatenated`` and ``projected``.
            of: the name of the step that ``x`` is, for the trace.
        """
        query, key, value = self.query_key_value(x)
        query = split_heads(query, self.num_heads)
        key = split_heads(key, self.num_kv_heads)
        value = split_heads(value, self.num_kv_heads)
        # With a past, `key` and `value` are all keys and values so far, which attention records.
        new = past is not None
        if trace.enabled or rotation is not None or self._heads.normed:
            value = trace.record(steps.NEW_VALUE if new else steps.VALUE, value, of=of)
            query = self._heads.query(query, rotation, trace=trace, of=of)
            key = self._heads.key(key, rotation, new=new, trace=trace, of=of)
        window = (self.window - 1, None) if self.window else None
        if past is not None:
            key, value = past.extend(key, value)
            mask = _visible(query.shape[2], key.shape[2], causal, window, mask)
            causal, window = False, None
        output, _ = self._attention(
            query, key, value, mask=mask, causal=causal, window=window, trace=trace
        )
        return self._project(output, trace)

    def memory(
        self,
        x: Float[Array, "batch key_len d_model"],
        mask: Bool[Array, "... key_len"] | None = None,
        *,
        trace: Watcher = OFF,
        of: tuple[str, ...] = (),
    ) -> KeysAndValues:
        """Project another sequence to the keys and values that `cross_attention` attends to.

        Args:
            x: an encoder's output.
            mask: as in `attention`; of padded sources it is Bool["batch 1 1 key_len"].
            trace: records ``key`` and ``value``.
            of: the name of the step that ``x`` is, for the trace.
        """
        if not self.cross:
            raise ConfigError("Only a layer made with cross=True attends to another sequence.")
        key, value = self._key_value(x)
        key = split_heads(key, self.num_kv_heads)
        value = split_heads(value, self.num_kv_heads)
        key = self._heads.memory_key(key, trace=trace, of=of)
        value = trace.record(steps.MEMORY_VALUE, value, of=of)
        return KeysAndValues(key, value, mask)

    def cross_attention(
        self,
        x: Float[Array, "batch query_len d_model"],
        memory: Memory,
        *,
        trace: Watcher = OFF,
        of: tuple[str, ...] = (),
    ) -> Float[Array, "batch query_len d_model"]:
        """Attend to the keys and values that `memory` computed from another sequence.

        Args:
            x: what queries are made from.
            memory: of the same batch.
            trace: records ``query``, attention's steps, ``concatenated`` and ``projected``.
            of: the name of the step that ``x`` is, for the trace.
        """
        query = split_heads(self.query(x), self.num_heads)
        query = self._heads.query(query, None, trace=trace, of=of)
        output = memory.attend(query, partial(self._attention, trace=trace))
        return self._project(output, trace)

    def _project(
        self, output: Float[Array, "batch heads query_len head_dim"], trace: Watcher
    ) -> Float[Array, "batch query_len d_model"]:
        """Put the outputs of the heads side by side, and project them."""
        heads = trace.record(steps.CONCATENATED, merge_heads(output))
        return trace.record(steps.PROJECTED, self.output(heads))


def multi_head_attention(
    query: Float[Array, "batch query_len d_model"],
    key: Float[Array, "batch key_len d_model"] | None = None,
    *,
    weights: Mapping[str, Array],
    num_heads: int,
    num_kv_heads: int | None = None,
    path: str = "",
    causal: bool = False,
    mask: Array | None = None,
    trace: Watcher = OFF,
) -> Float[Array, "batch query_len d_model"]:
    """Apply multi-head attention with a plain dictionary of weights.

    Args:
        query: what queries are made from.
        key: what keys and values are made from; None means ``query``, self-attention.
        weights: ``query.weight``, Float["d_model d_model"], ``query.bias``, Float["d_model"] (or
            none of the four), and the same of key, value and output, behind ``path`` where one
            is given.
        num_heads, num_kv_heads: of queries, and of keys and values.
        path: the beginning of the weights' names.
        causal, mask: as in `attention`; the mask for cross-attention is boolean.
        trace: records every step.
    """
    if not path:
        path, weights = "layer", {f"layer.{name}": array for name, array in weights.items()}
    layer = MultiHeadAttention(
        weights, path, num_heads=num_heads, num_kv_heads=num_kv_heads, cross=key is not None
    )
    if key is None:
        return layer.self_attention(query, causal=causal, mask=mask, trace=trace)
    if causal:
        mask = _combined(causal_mask(query.shape[1], key.shape[1]), mask)
    return layer.cross_attention(query, layer.memory(key, mask, trace=trace), trace=trace)


def _visible(
    query_len: int, key_len: int, causal: bool, window: Window | None, mask: Array | None
) -> Shaped[Array, "... #query_len key_len"] | None:
    """Combine causality, with the last query at the last key, a window, and another mask."""
    first = key_len - query_len
    # One query at the last position sees all: a step of decoding needs no mask of causality.
    if causal and query_len > 1:
        mask = _combined(causal_mask(query_len, key_len, first), mask)
    # If the first key is in the window of the last query, it is in that of every other.
    if isinstance(window, tuple) and window[0] is not None and key_len - 1 > window[0]:
        mask = _combined(sliding_window_mask(query_len, key_len, window, first), mask)
    return mask


def _combined(
    visible: Bool[Array, "query_len key_len"], mask: Array | None
) -> Shaped[Array, "... query_len key_len"]:
    """Combine a boolean mask and another one, which may be added to the scores."""
    if mask is None:
        return visible
    return visible & mask if mask.dtype == bool else np.where(visible, mask, -np.inf)
