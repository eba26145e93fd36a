"""The computation of `MultiheadAttention`: check, project, split heads, attend, join, project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from ...shapes import Bool, Float
from . import _checks as check
from ._checks import MultiheadShapeError
from ._native import native_attention
from ._parameters import ForwardSettings, Parameters
from ._weights import attend

if TYPE_CHECKING:
    from ...maps.attention_map import AttentionMap


def multi_head_attention(
    inputs: tuple[Tensor, Tensor, Tensor],
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    parameters: Parameters,
    settings: ForwardSettings,
    static: tuple[Tensor | None, Tensor | None] = (None, None),
) -> tuple[Tensor, Tensor | AttentionMap | None]:
    """Compute output and weights as described in `MultiheadAttention.forward`."""
    batched = _check_arguments(inputs, key_padding_mask, attn_mask, settings)
    if not batched:  # one sequence is a batch of one
        inputs = _unsqueeze(*inputs)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
        settings = settings._replace(batch_first=True)
    by_length = [x.transpose(0, 1) if settings.batch_first else x for x in inputs]
    check.check_key_value(*by_length, separate=parameters.separate is not None)
    # PyTorch's operator for the whole layer, if it can be used.
    if batched and key_padding_mask is attn_mask is None and static == (None, None):
        output_and_weights = native_attention(*inputs, parameters, settings)
        if output_and_weights is not None:
            return output_and_weights
    # Project, and append the extra keys and values.
    heads = _heads(*inputs, parameters, settings)
    is_hint = settings.causal and key_padding_mask is None  # padding changes the mask
    if attn_mask is not None and (settings.need_weights or not is_hint):
        (query_len, batch, _), key_len = by_length[0].shape, by_length[1].shape[0]
        check.check_attn_mask(attn_mask, batch, settings.num_heads, query_len, key_len)
    query, key, value, extra_keys = _extend(heads, parameters, settings, static)
    # The hint replaces the mask, or both masks are combined.
    causal = extra_keys == 0 and is_hint
    dtype, masks = inputs[0].dtype, (attn_mask, key_padding_mask)
    mask = None if causal else _additive_mask(*masks, query, key, extra_keys, dtype)
    output, weights = attend(
        query,
        key,
        value,
        mask=mask,
        causal=causal,
        dropout=settings.dropout,
        need_weights=bool(settings.need_weights) and settings.need_weights != "map",
        average=settings.average,
    )
    output = _join_heads(output, parameters, settings)
    if not batched:
        output, weights = output.squeeze(0), None if weights is None else weights.squeeze(0)
    if settings.need_weights == "map":
        return output, _map(query, key, value, mask, causal, settings)
    return output, weights


def _check_arguments(
    inputs: tuple[Tensor, Tensor, Tensor],
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    settings: ForwardSettings,
) -> bool:
    """Check the arguments of a call, and return whether its inputs have a batch axis."""
    check.check_need_weights(settings.need_weights)
    check.check_mask_kinds(key_padding_mask, attn_mask)
    batched = check.check_ranks(*inputs, key_padding_mask, attn_mask, settings.num_heads)
    check.check_causal_hint(settings.causal, attn_mask)
    check.check_widths(inputs[0], settings.embed_dim, settings.num_heads)
    return batched


def _join_heads(
    output: Float[Tensor, "batch heads query_len head_dim"],
    parameters: Parameters,
    settings: ForwardSettings,
) -> Float[Tensor, "_ _ embed_dim"]:
    """Join the heads and project."""
    output = output.permute((0, 2, 1, 3) if settings.batch_first else (2, 0, 1, 3)).flatten(-2)
    return _linear(output, parameters.out_proj_weight, parameters.out_proj_bias)


def _map(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch heads key_len head_dim"],
    value: Float[Tensor, "batch heads key_len head_dim"],
    mask: Float[Tensor, "#batch #heads #query_len #key_len"] | None,
    causal: bool,
    settings: ForwardSettings,
) -> AttentionMap:
    """Return a map of all heads' weights, which are computed later."""
    from ...maps.attention_map import AttentionMap
    from ...maps.storage.provenance import Source

    return AttentionMap.of(
        query.detach(),
        key.detach(),
        value.detach(),
        mask=mask,
        causal=causal,
        source=Source(model="MultiheadAttention", dropout=settings.dropout),
    )


def _unsqueeze(query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Add a batch axis; equal tensors stay one tensor, so that self-attention is recognised."""
    new_query = query.unsqueeze(0)
    new_key = new_query if key is query else key.unsqueeze(0)
    new_value = new_key if value is key else value.unsqueeze(0)
    return new_query, new_key, new_value


def _linear(
    x: Tensor, weight: Float[Tensor, "out_features _"], bias: Float[Tensor, "out_features"] | None
) -> Float[Tensor, "... out_features"]:
    """Apply a linear layer; an input width that does not fit raises PyTorch's error."""
    # PyTorch's layer accepts a bias of another dtype; F.linear accepts it only for some layouts.
    if bias is not None and bias.dtype != weight.dtype:
        bias = bias.to(weight.dtype)
    return F.linear(x, weight, bias)


def _heads(
    query: Tensor, key: Tensor, value: Tensor, parameters: Parameters, settings: ForwardSettings
) -> list[Float[Tensor, "batch heads _ head_dim"]]:
    """Project queries, keys and values; projections of the same tensor are one matrix product."""
    bias = parameters.in_proj_bias
    if parameters.separate is not None:
        biases = (None, None, None) if bias is None else bias.chunk(3)
        check.check_separate_weights(query, key, value, parameters.separate)
        separate = zip((query, key, value), parameters.separate, biases, strict=True)
        return [h for x, w, b in separate if w is not None for h in _split(x, w, b, 1, settings)]
    weight = parameters.in_proj_weight
    if weight is None:
        raise MultiheadShapeError("use_separate_proj_weight is False but in_proj_weight is None")
    if query is key and key is value:
        return _split(query, weight, bias, 3, settings)
    heads, width = [], query.shape[-1]
    groups = [(query, 1), (key, 2)] if key is value else [(query, 1), (key, 1), (value, 1)]
    start = 0
    for x, parts in groups:
        rows = slice(start, start + parts * width)
        heads += _split(x, weight[rows], None if bias is None else bias[rows], parts, settings)
        start = rows.stop
    return heads


def _split(
    x: Tensor, weight: Tensor, bias: Tensor | None, parts: int, settings: ForwardSettings
) -> list[Float[Tensor, "batch heads length head_dim"]]:
    """Project, and split the result into heads without a copy."""
    projected = _linear(x, weight, bias)
    head_dim = projected.shape[-1] // (parts * settings.num_heads)
    projected = projected.view(*x.shape[:2], parts, settings.num_heads, head_dim)
    order = (2, 0, 3, 1, 4) if settings.batch_first else (2, 1, 3, 0, 4)
    return list(projected.permute(order).unbind(0))


def _extend(
    projected: list[Tensor],
    parameters: Parameters,
    settings: ForwardSettings,
    static: tuple[Tensor | None, Tensor | None],
) -> tuple[
    Float[Tensor, "batch heads query_len head_dim"],
    Float[Tensor, "batch heads key_len head_dim"],
    Float[Tensor, "batch heads key_len head_dim"],
    int,
]:
    """Insert static keys and values, append extra ones, and return the number of extra ones."""
    query, key, value = projected
    batch, heads, _, head_dim = query.shape
    bias_k, bias_v = parameters.bias_k, parameters.bias_v
    extra_keys = 0
    # `add_bias_kv`: one learned key and value after the others.
    if bias_k is not None and bias_v is not None:
        for ready_made, name in zip(static, ("key", "value"), strict=True):
            if ready_made is not None:
                raise MultiheadShapeError(f"bias cannot be added to static {name}.")
        key, value = (
            torch.cat([x, bias.view(1, heads, 1, head_dim).expand(batch, -1, -1, -1)], dim=2)
            for x, bias in ((key, bias_k), (value, bias_v))
        )
        extra_keys += 1
    elif bias_k is not None or bias_v is not None:
        present, absent = ("bias_k", "bias_v") if bias_v is None else ("bias_v", "bias_k")
        raise MultiheadShapeError(f"{present} is set but {absent} is None")
    # `static_k` and `static_v` replace the projected ones.
    if static[0] is not None:
        check.check_static(static[0], "static_k", batch, heads, head_dim)
        key = static[0].unflatten(0, (batch, heads))
    if static[1] is not None:
        check.check_static(static[1], "static_v", batch, heads, head_dim)
        value = static[1].unflatten(0, (batch, heads))
    # `add_zero_attn`: a key and a value of zeros after all others.
    if settings.add_zero_attn:
        key, value = F.pad(key, (0, 0, 0, 1)), F.pad(value, (0, 0, 0, 1))
        extra_keys += 1
    return query, key, value, extra_keys


def _additive_mask(
    attn_mask: Tensor | None,
    key_padding_mask: Tensor | None,
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch heads key_len head_dim"],
    extra_keys: int,
    dtype: torch.dtype,
) -> Float[Tensor, "#batch #heads #query_len key_len"] | None:
    """Return both masks combined into one to add to the scores; broadcast axes have length 1."""
    batch, heads, _, _ = query.shape
    mask = None
    if attn_mask is not None:
        mask = _floating(attn_mask, dtype, extra_keys)
        mask = mask.unflatten(0, (batch, heads)) if mask.dim() == 3 else mask[None, None]
    if key_padding_mask is None:
        return mask
    padding = _floating(key_padding_mask, dtype, extra_keys)
    check.check_padding_mask(padding, batch, key.shape[2])
    padding = padding[:, None, None]
    return padding if mask is None else mask + padding


def _floating(
    mask: Bool[Tensor, "... key_len"] | Float[Tensor, "... key_len"],
    dtype: torch.dtype,
    extra_keys: int,
) -> Float[Tensor, "... every_key"]:
    """Return the mask to add to scores, extended by extra keys, which are always visible."""
    if mask.dtype == torch.bool:
        mask = torch.zeros_like(mask, dtype=dtype).masked_fill_(mask, -torch.inf)
    return F.pad(mask, (0, extra_keys)) if extra_keys else mask
