"""Multi-head attention as the model's own layers use it: fused, grouped, cached."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import TransformerConfig
from ..shapes import Bool, Float
from .dropout import Dropout, checked_probability
from .explicit_attention import explicit_attention, explicit_is_faster
from .linear import Linear, joint_linear
from .positions import rotate


class KeyValue(NamedTuple):
    """Keys and values of one attention layer."""

    key: Float[Tensor, "batch kv_heads key_len head_dim"]
    value: Float[Tensor, "batch kv_heads key_len head_dim"]


class Rotation(NamedTuple):
    """Cosines and sines of the angles that the positions turn queries and keys by."""

    cosine: Float[Tensor, "length half_dim"]
    sine: Float[Tensor, "length half_dim"]


def causal_mask(
    query_len: int, key_len: int, device: torch.device | None = None
) -> Bool[Tensor, "query_len key_len"]:
    """Return True where a query may attend: up to its own key, the last query to every key."""
    every = torch.ones(query_len, key_len, dtype=torch.bool, device=device)
    return every.tril(key_len - query_len)


def fused_attention(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch kv_heads key_len head_dim"],
    value: Float[Tensor, "batch kv_heads key_len value_dim"],
    *,
    mask: Bool[Tensor, "... #query_len #key_len"] | None = None,
    bias: Float[Tensor, "heads query_len key_len"] | None = None,
    causal: bool = False,
    dropout: float | None = None,
) -> Float[Tensor, "batch heads query_len value_dim"]:
    """Compute ``softmax(Q K^T / sqrt(head_dim) + bias) V`` by PyTorch's fused kernel.

    A fully masked query gives zeros.

    Args:
        mask: True where a query may attend.
        bias: added to the scaled scores.
        causal: a query sees keys up to its own position, the last query being at the last key.
        dropout: the share of the weights to drop; None and 0 drop nothing.

    Raises:
        ConfigError: ``dropout`` is no number from 0 to 1.
    """
    dropout = checked_probability(dropout)
    query_len, key_len = query.shape[-2], key.shape[-2]
    only_causal = causal and mask is None and bias is None and query_len == key_len
    visible = mask
    if causal and not only_causal and query_len > 1:
        not_later = causal_mask(query_len, key_len, query.device)
        visible = not_later if mask is None else mask & not_later
    visible, empty_rows = _open_empty_rows(visible)
    attn_mask = visible
    if bias is not None:
        attn_mask = bias if visible is None else bias.masked_fill(~visible, -torch.inf)
    if explicit_is_faster(query, key):
        if only_causal:
            attn_mask = causal_mask(query_len, key_len, query.device)
        output = explicit_attention(query, key, value, attn_mask, dropout)
    else:
        output = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=attn_mask,
            dropout_p=dropout,
            is_causal=only_causal,
            enable_gqa=key.shape[1] != query.shape[1],
        )
    return output if empty_rows is None else output.masked_fill(empty_rows, 0.0)


def _open_empty_rows(
    visible: Bool[Tensor, "... query_len key_len"] | None,
) -> tuple[Bool[Tensor, "... query_len key_len"] | None, Bool[Tensor, "... query_len 1"] | None]:
    """Let queries that may see nothing see everything, and return which they are.

    Kernels differ on such a query (NaN, a mean, zeros); its output is set to zero afterwards.
    """
    if visible is None:
        return None, None
    empty_rows = ~visible.any(-1, keepdim=True)
    visible = visible | empty_rows
    if empty_rows.device.type == "cpu" and not bool(empty_rows.any()):
        return visible, None  # two passes over the output less; on a CPU it costs nothing to ask
    return visible, empty_rows


class Attention(nn.Module):
    """Multi-head attention with separate query, key, value and output projections.

    Keys and values come from the queries' own sequence (self-attention) or from `KeyValue` made by
    `project_key_value` (cross-attention).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        width = config.key_value_heads * config.head_dim
        self.query = Linear(config.d_model, config.d_model, bias=config.bias)
        self.key = Linear(config.d_model, width, bias=config.bias)
        self.value = Linear(config.d_model, width, bias=config.bias)
        self.output = Linear(config.d_model, config.d_model, bias=config.bias)
        self.head_dim = config.head_dim
        self.dropout = Dropout(config.attention_dropout)

    def _heads(
        self, x: Float[Tensor, "batch length width"]
    ) -> Float[Tensor, "batch heads length head_dim"]:
        """Part the last axis into heads."""
        return x.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)

    def project_key_value(self, memory: Float[Tensor, "batch key_len d_model"]) -> KeyValue:
        """Return the keys and values of an encoder's output."""
        key, value = joint_linear(memory, self.key, self.value)
        return KeyValue(self._heads(key), self._heads(value))

    def _attend(
        self,
        query: Float[Tensor, "batch heads query_len head_dim"],
        source: KeyValue,
        **options: Any,
    ) -> Float[Tensor, "batch query_len d_model"]:
        rate = self.dropout.probability if self.training else 0.0
        heads = fused_attention(query, source.key, source.value, dropout=rate, **options)
        return self.output(heads.transpose(1, 2).flatten(2))

    def self_attention(
        self,
        x: Float[Tensor, "batch query_len d_model"],
        *,
        mask: Bool[Tensor, "... #query_len #key_len"] | None = None,
        bias: Float[Tensor, "heads query_len key_len"] | None = None,
        causal: bool = False,
        rotation: Rotation | None = None,
        past: KeyValue | None = None,
    ) -> tuple[Float[Tensor, "batch query_len d_model"], KeyValue]:
        """Attend within one sequence, ``past`` being the keys and values of earlier positions.

        Returns:
            The output, and the keys and values of all positions so far.
        """
        query, key, value = map(self._heads, joint_linear(x, self.query, self.key, self.value))
        if rotation is not None:
            query, key = rotate(query, *rotation), rotate(key, *rotation)
        if past is not None:
            key = torch.cat((past.key, key), dim=2)
            value = torch.cat((past.value, value), dim=2)
        present = KeyValue(key, value)
        return self._attend(query, present, mask=mask, bias=bias, causal=causal), present

    def cross_attention(
        self,
        x: Float[Tensor, "batch query_len d_model"],
        memory: KeyValue,
        *,
        mask: Bool[Tensor, "... #query_len #key_len"] | None,
    ) -> Float[Tensor, "batch query_len d_model"]:
        """Attend from ``x`` to the projected output of an encoder."""
        return self._attend(self._heads(self.query(x)), memory, mask=mask)
