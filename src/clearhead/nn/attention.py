"""Multi-head attention as the model's own layers use it: fused, grouped, cached."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import TransformerConfig
from .dropout import Dropout, checked_probability
from .explicit_attention import explicit_attention, explicit_is_faster
from .linear import Linear, joint_linear
from .positions import rotate


class KeyValue(NamedTuple):
    """Keys and values of one attention layer, each [batch, kv_heads, key_len, head_dim]."""

    key: Tensor
    value: Tensor


class Rotation(NamedTuple):
    """Cosines and sines of the queries' and keys' positions, each [length, head_dim / 2]."""

    cosine: Tensor
    sine: Tensor


def causal_mask(query_len: int, key_len: int, device: torch.device | None = None) -> Tensor:
    """True where a query may attend, [query_len, key_len]; the last query sees every key."""
    full = torch.ones(query_len, key_len, dtype=torch.bool, device=device)
    return full.tril(key_len - query_len)


def fused_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    causal: bool = False,
    dropout: float | None = None,
) -> Tensor:
    """``softmax(Q K^T / sqrt(head_dim) + bias) V`` by PyTorch's fused kernel.

    Args:
        query: [batch, heads, query_len, head_dim].
        key, value: [batch, kv_heads, key_len, head_dim].
        mask: boolean, True where a query may attend, broadcastable to
            [batch, heads, query_len, key_len].
        bias: added to the scaled scores, [heads, query_len, key_len].
        causal: a query sees keys up to its own position, the last query being at the last key.
        dropout: dropped share of the weights; None and 0 drop nothing.

    A fully masked query gives zeros.

    Raises:
        ConfigError: ``dropout`` is no number from 0 to 1.
    """
    dropout = checked_probability(dropout)
    query_len, key_len = query.shape[-2], key.shape[-2]
    only_causal = causal and mask is None and bias is None and query_len == key_len
    visible = mask
    if causal and not only_causal and query_len > 1:
        ordered = causal_mask(query_len, key_len, query.device)
        visible = ordered if mask is None else mask & ordered
    empty = None
    if visible is not None:
        # Kernels differ on rows that may see nothing (NaN, a mean, zeros): let such a row see
        # everything, and give it zeros afterwards.
        empty = ~visible.any(-1, keepdim=True)
        visible = visible | empty
        if empty.device.type == "cpu" and not bool(empty.any()):
            empty = None  # two passes over the output less, and on a CPU the question is free
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
    return output if empty is None else output.masked_fill(empty, 0.0)


class Attention(nn.Module):
    """Multi-head attention with separate query, key, value and output projections.

    Shapes: [batch, query_len, d_model] -> [batch, query_len, d_model]. Keys and values come from
    the queries' own sequence (self-attention) or from `KeyValue` made by `project_key_value`
    (cross-attention).
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

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (-1, self.head_dim)).transpose(1, 2)

    def project_key_value(self, memory: Tensor) -> KeyValue:
        """Keys and values of an encoder's output [batch, key_len, d_model]."""
        key, value = joint_linear(memory, self.key, self.value)
        return KeyValue(self._heads(key), self._heads(value))

    def _attend(self, query: Tensor, kept: KeyValue, **options: Any) -> Tensor:
        rate = self.dropout.probability if self.training else 0.0
        heads = fused_attention(query, kept.key, kept.value, dropout=rate, **options)
        return self.output(heads.transpose(1, 2).flatten(2))

    def self_attention(
        self,
        x: Tensor,
        *,
        mask: Tensor | None = None,
        bias: Tensor | None = None,
        causal: bool = False,
        rotation: Rotation | None = None,
        past: KeyValue | None = None,
    ) -> tuple[Tensor, KeyValue]:
        """Attend within one sequence, ``past`` being what earlier positions left.

        Returns the output and the keys and values of all positions so far.
        """
        query, key, value = map(self._heads, joint_linear(x, self.query, self.key, self.value))
        if rotation is not None:
            query, key = rotate(query, *rotation), rotate(key, *rotation)
        if past is not None:
            key = torch.cat((past.key, key), dim=2)
            value = torch.cat((past.value, value), dim=2)
        kept = KeyValue(key, value)
        return self._attend(query, kept, mask=mask, bias=bias, causal=causal), kept

    def cross_attention(self, x: Tensor, memory: KeyValue, *, mask: Tensor | None) -> Tensor:
        """Attend from ``x`` to the projected output of an encoder."""
        return self._attend(self._heads(self.query(x)), memory, mask=mask)
