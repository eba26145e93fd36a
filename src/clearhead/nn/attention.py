"""Multi-head attention of the model's own layers: fused kernel, grouped heads, key-value cache."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import TransformerConfig
from ..errors import ShapeError
from ..shapes import Bool, Float, Shaped
from .dropout import Dropout, checked_probability
from .explicit_attention import explicit_attention, explicit_is_faster
from .fast.packing import Packing
from .linear import Linear, joint_linear
from .norms import make_head_norm
from .positions import Rotation, rotate


class KeyValue(NamedTuple):
    """Keys and values of one attention layer."""

    key: Float[Tensor, "batch kv_heads key_len head_dim"]
    value: Float[Tensor, "batch kv_heads key_len head_dim"]


def causal_mask(
    query_len: int, key_len: int, device: torch.device | None = None
) -> Bool[Tensor, "query_len key_len"]:
    """Return the causal mask, True where a query may attend; the last query sees every key."""
    every = torch.ones(query_len, key_len, dtype=torch.bool, device=device)
    return every.tril(key_len - query_len)


def window_mask(
    query_len: int, key_len: int, window: int, device: torch.device | None = None
) -> Bool[Tensor, "query_len key_len"] | None:
    """Return a mask, False where a key is ``window`` positions or more before a query.

    Together with the causal mask, a query sees ``window`` positions, including its own. The last
    query is at the position of the last key. Returns None if all keys are within the window; a
    window of 0 has no limit.
    """
    if not window or key_len <= window:
        return None
    every = torch.ones(query_len, key_len, dtype=torch.bool, device=device)
    return every.triu(key_len - query_len - window + 1)


def combine(
    first: Bool[Tensor, "..."] | None, second: Bool[Tensor, "..."] | None
) -> Bool[Tensor, "..."] | None:
    """Return the intersection of two masks; None stands for a mask that is True everywhere."""
    if first is None or second is None:
        return second if first is None else first
    return first & second


def attendable(
    real: Shaped[Tensor, "..."] | None, shape: tuple[int, ...]
) -> Bool[Tensor, "batch 1 1 key_len"] | None:
    """Return a mask of the scores that hides padding; None if all positions are real.

    Args:
        real: Bool["batch key_len"], True where a position is real; None if all are.
        shape: of the keys, batch and key_len.

    Raises:
        ShapeError: ``real`` is not boolean, or not of that shape.
    """
    if real is None:
        return None
    if real.dtype != torch.bool or real.shape != shape:
        raise ShapeError(
            f"The mask of a text is boolean, True where a position is real, one for each of its "
            f"positions, {tuple(shape)}; it holds {real.dtype} of the shape {tuple(real.shape)}."
        )
    # An exported program cannot look at values, so it always applies the mask.
    is_all_real = not torch.compiler.is_exporting() and bool(real.all())
    return None if is_all_real else real[:, None, None, :]


def fused_attention(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch kv_heads key_len head_dim"],
    value: Float[Tensor, "batch kv_heads key_len value_dim"],
    *,
    mask: Bool[Tensor, "... #query_len #key_len"] | None = None,
    bias: Float[Tensor, "heads query_len key_len"] | None = None,
    causal: bool = False,
    dropout: float | None = None,
    scale: float | None = None,
    softcap: float | None = None,
) -> Float[Tensor, "batch heads query_len value_dim"]:
    """Compute ``softmax(Q K^T / sqrt(head_dim) + bias) V`` with PyTorch's fused kernel.

    The output of a fully masked query is zeros. There is no fused kernel with a softcap; it is
    computed by two products and a softmax.

    Args:
        mask: True where a query may attend.
        bias: added to the scaled scores.
        causal: whether a query sees only keys up to its own position; the last query is at the
            position of the last key.
        dropout: the share of the weights to drop; None and 0 drop nothing.
        scale: factor of the scores; None means 1 / sqrt(head_dim).
        softcap: bounds the scaled scores smoothly to (-softcap, softcap), before the bias.

    Raises:
        ConfigError: ``dropout`` is not a number from 0 to 1.
    """
    dropout = checked_probability(dropout)
    query_len, key_len = query.shape[-2], key.shape[-2]
    is_square = bool(query_len == key_len)
    only_causal = causal and mask is None and bias is None and is_square
    visible = mask
    if causal and not only_causal and query_len > 1:
        visible = combine(mask, causal_mask(query_len, key_len, query.device))
    visible, empty_rows = _open_empty_rows(visible)
    attn_mask = visible
    if bias is not None:
        attn_mask = bias if visible is None else bias.masked_fill(~visible, -torch.inf)
    if softcap is not None or explicit_is_faster(query, key):
        if only_causal:
            attn_mask = causal_mask(query_len, key_len, query.device)
        output = explicit_attention(
            query, key, value, attn_mask, dropout, scale=scale, softcap=softcap
        )
    else:
        output = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=attn_mask,
            dropout_p=dropout,
            is_causal=only_causal,
            scale=scale,
            enable_gqa=key.shape[1] != query.shape[1],
        )
    return output if empty_rows is None else output.masked_fill(empty_rows, 0.0)


def _open_empty_rows(
    visible: Bool[Tensor, "... query_len key_len"] | None,
) -> tuple[Bool[Tensor, "... query_len key_len"] | None, Bool[Tensor, "... query_len 1"] | None]:
    """Unmask fully masked queries, and return which queries these are.

    Kernels differ on such a query (NaN, a mean, zeros); its output is set to zero afterwards.
    """
    if visible is None:
        return None, None
    empty_rows = ~visible.any(-1, keepdim=True)
    visible = visible | empty_rows
    has_numbers = empty_rows.device.type == "cpu" and not torch.compiler.is_exporting()
    if has_numbers and not bool(empty_rows.any()):
        return visible, None  # saves two passes over the output; the check costs nothing on a CPU
    return visible, empty_rows


class Attention(nn.Module):
    """Multi-head attention with separate query, key, value and output projections.

    Keys and values come from the queries' own sequence (self-attention), or from a `KeyValue`
    returned by `project_key_value` (cross-attention).
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        wide = config.num_heads * config.head_dim
        narrow = config.key_value_heads * config.head_dim
        self.query = Linear(config.d_model, wide, bias=config.attention_bias)
        self.key = Linear(config.d_model, narrow, bias=config.attention_bias)
        self.value = Linear(config.d_model, narrow, bias=config.attention_bias)
        self.output = Linear(wide, config.d_model, bias=config.attention_output_bias)
        self.query_norm = make_head_norm(config)
        self.key_norm = make_head_norm(config)
        self.head_dim = config.head_dim
        self.scale, self.softcap = config.attention.scale, config.attention.softcap
        self.dropout = Dropout(config.attention_dropout)

    def forward(
        self, x: Float[Tensor, "*rows d_model"], memory: KeyValue | None = None,
        **options: Any,
    ) -> Any:  # fmt: skip
        """Call `self_attention`, or `cross_attention` if there is a memory.

        Because the module itself is called, hooks that observe or edit modules see attention by its
        name.
        """
        if memory is None:
            return self.self_attention(x, **options)
        return self.cross_attention(x, memory, **options)

    def _heads(
        self,
        x: Float[Tensor, "*rows width"],
        norm: nn.Module | None = None,
        packing: Packing | None = None,
    ) -> Float[Tensor, "batch heads length head_dim"]:
        """Unpack packed rows, split the last axis into heads, and normalise each head."""
        x = x if packing is None else packing.unpack(x)
        heads = x.unflatten(-1, (-1, self.head_dim))
        return (heads if norm is None else norm(heads)).transpose(1, 2)

    def project_key_value(
        self, memory: Float[Tensor, "*rows d_model"], packing: Packing | None = None
    ) -> KeyValue:
        """Return the keys and values of an encoder's output, which may be packed."""
        key, value = joint_linear(memory, self.key, self.value)
        return KeyValue(
            self._heads(key, self.key_norm, packing), self._heads(value, packing=packing)
        )

    def _attend(
        self,
        query: Float[Tensor, "batch heads query_len head_dim"],
        source: KeyValue,
        packing: Packing | None = None,
        **options: Any,
    ) -> Float[Tensor, "*rows d_model"]:
        rate = self.dropout.probability if self.training else 0.0
        options |= {"dropout": rate, "scale": self.scale, "softcap": self.softcap}
        heads = fused_attention(query, source.key, source.value, **options)
        side_by_side = heads.transpose(1, 2).flatten(2)
        return self.output(side_by_side if packing is None else packing.pack(side_by_side))

    def self_attention(
        self,
        x: Float[Tensor, "*rows d_model"],
        *,
        mask: Bool[Tensor, "... #query_len #key_len"] | None = None,
        bias: Float[Tensor, "heads query_len key_len"] | None = None,
        causal: bool = False,
        rotation: Rotation | None = None,
        past: KeyValue | None = None,
        packing: Packing | None = None,
    ) -> tuple[Float[Tensor, "*rows d_model"], KeyValue]:
        """Attend within one sequence.

        ``past`` has the keys and values of earlier positions. The input is [batch, query_len,
        d_model] or packed rows, and the output is in the same form.

        Returns:
            The output, and the keys and values of all positions so far.
        """
        wide, narrow, values = joint_linear(x, self.query, self.key, self.value)
        query = self._heads(wide, self.query_norm, packing)
        key = self._heads(narrow, self.key_norm, packing)
        value = self._heads(values, packing=packing)
        if rotation is not None:
            query, key = rotate(query, rotation), rotate(key, rotation)
        if past is not None:
            key = torch.cat((past.key, key), dim=2)
            value = torch.cat((past.value, value), dim=2)
        present = KeyValue(key, value)
        output = self._attend(query, present, packing, mask=mask, bias=bias, causal=causal)
        return output, present

    def cross_attention(
        self,
        x: Float[Tensor, "*rows d_model"],
        memory: KeyValue,
        *,
        mask: Bool[Tensor, "... #query_len #key_len"] | None,
        packing: Packing | None = None,
    ) -> Float[Tensor, "*rows d_model"]:
        """Attend from ``x``, which may be packed, to an encoder's projected output."""
        query = self._heads(self.query(x), self.query_norm, packing)
        return self._attend(query, memory, packing, mask=mask)
