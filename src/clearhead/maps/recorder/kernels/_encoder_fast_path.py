"""The opaque operators of `nn.TransformerEncoderLayer` and `nn.MultiheadAttention` in eval.

They return neither queries nor keys, so these are computed again from the same arguments: by the
layer's norm, if it comes first, and by the joint projection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ....shapes import Bool, Float, Int
from ...recording.captured import CapturedAttention, Unreadable
from ...scores.scoring import Scoring
from ..agreement import map_of, spread
from ..mask_cache import MaskCache

# The operators' mask_type.
_SOURCE, _PADDING, _MERGED = 0, 1, 2
_SAMPLES = 4


def read_encoder_layer(call: Mapping[str, Any], result: Any, masks: MaskCache) -> CapturedAttention:
    """Return the self-attention of `aten::_transformer_encoder_layer_fwd`.

    Raises:
        Unreadable: a map cannot represent an argument, or it does not give the layer's own output.
    """
    x, lengths = _padded(call["src"])
    inner = _normalised(x, call, "1") if call["norm_first"] else x
    kernel = "encoder fast path"
    captured = _project(inner, inner, inner, lengths, call, call["num_heads"], masks, kernel)
    # To check, compute the rest of the layer at some places and compare.
    output = _padded(result)[0]
    for row, places in _sampled_places(output, lengths):
        hidden = x[row, places] + _attention_output(captured, call, row, places)
        if not call["norm_first"]:
            hidden = _normalised(hidden, call, "1")
        between = _normalised(hidden, call, "2") if call["norm_first"] else hidden
        between = F.linear(between, call["ffn_weight_1"], call["ffn_bias_1"])
        between = F.gelu(between) if call["use_gelu"] else F.relu(between)
        hidden = hidden + F.linear(between, call["ffn_weight_2"], call["ffn_bias_2"])
        if not call["norm_first"]:
            hidden = _normalised(hidden, call, "2")
        _compare(hidden, output[row, places])
    return captured


def read_multi_head(call: Mapping[str, Any], result: Any, masks: MaskCache) -> CapturedAttention:
    """Return the attention of `aten::_native_multi_head_attention`.

    Raises:
        Unreadable: as in `read_encoder_layer`.
    """
    query, lengths = _padded(call["query"])
    same = call["key"] is call["query"] and call["value"] is call["key"]
    if not same and any(call[name].is_nested for name in ("query", "key", "value")):
        raise Unreadable("nested tensors of different sequences are not read yet")
    key = query if same else call["key"]
    value = query if same else call["value"]
    kernel = "multi-head fast path"
    captured = _project(query, key, value, lengths, call, call["num_head"], masks, kernel)
    output = _padded(result[0])[0]
    for row, places in _sampled_places(output, lengths):
        _compare(_attention_output(captured, call, row, places), output[row, places])
    return captured


def _normalised(
    x: Float[Tensor, "... d_model"], call: Mapping[str, Any], which: str
) -> Float[Tensor, "... d_model"]:
    """Apply the layer's first or second norm."""
    weight, bias = call[f"norm_weight_{which}"], call[f"norm_bias_{which}"]
    return F.layer_norm(x, (call["embed_dim"],), weight, bias, call["eps"])


def _sampled_places(
    output: Float[Tensor, "batch length d_model"], lengths: Int[Tensor, "batch"] | None
) -> Iterator[tuple[int, Tensor]]:
    """Yield some rows of the batch, with some places of each that are not padding."""
    for row in {0, len(output) - 1}:
        length = output.shape[1] if lengths is None else int(lengths[row])
        yield row, spread(length, _SAMPLES, output.device)


def _attention_output(
    captured: CapturedAttention, call: Mapping[str, Any], row: int, places: Int[Tensor, "places"]
) -> Float[Tensor, "places d_model"]:
    """Return the attention's output at some places, behind the output projection."""
    assert captured.value is not None
    weights = map_of(captured)[row, :, places].to(captured.value.dtype)
    heads = (weights @ captured.value[row]).transpose(0, 1).flatten(1)
    return F.linear(heads, call["proj_weight"], call["proj_bias"])


def _compare(
    mine: Float[Tensor, "places d_model"], theirs: Float[Tensor, "places d_model"]
) -> None:
    """Raise Unreadable where an output is not the model's own."""
    half = theirs.dtype in (torch.float16, torch.bfloat16)
    tolerance = (0.1 if half else 1e-3) * max(float(theirs.abs().max().nan_to_num(0.0)), 1.0)
    error = float((mine.double() - theirs.double()).abs().nan_to_num(0.0).max())
    if not error <= tolerance:
        raise Unreadable(
            "its output, computed from what was read, is not the model's own: they differ by "
            f"{error:.2g}"
        )


def _padded(
    x: Tensor,
) -> tuple[Float[Tensor, "batch length d_model"], Int[Tensor, "batch"] | None]:
    """Return a nested tensor as an ordinary one, and its lengths; None for an ordinary one."""
    if not x.is_nested:
        return x, None
    lengths = torch.tensor([len(part) for part in x.unbind()], device=x.device)
    return torch.nested.to_padded_tensor(x, 0.0), lengths


def _project(
    query: Float[Tensor, "batch query_len d_model"],
    key: Float[Tensor, "batch key_len d_model"],
    value: Float[Tensor, "batch key_len d_model"],
    lengths: Int[Tensor, "batch"] | None,
    call: Mapping[str, Any],
    num_heads: int,
    masks: MaskCache,
    kernel: str,
) -> CapturedAttention:
    """Return the attention of the projections of queries, keys and values.

    Args:
        query, key, value: before the projection.
        lengths: of nested tensors; None for ordinary ones.
        call: the operator's arguments by name.
        num_heads: the number of heads.
        masks: the cache of compact masks.
        kernel: the kernel's name.
    """
    weights, biases = call["qkv_weight"].chunk(3), call["qkv_bias"].chunk(3)
    query, key, value = (
        F.linear(x, weight, bias).unflatten(-1, (num_heads, -1)).transpose(1, 2)
        for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
    )
    shape = (query.shape[0], num_heads, query.shape[2], key.shape[2])
    visible = _visible(call.get("mask"), call.get("mask_type"), shape)
    notes: tuple[str, ...] = ()
    if lengths is not None:
        inside = torch.arange(shape[2], device=lengths.device) < lengths[:, None]
        present = inside[:, None, :, None] & inside[:, None, None, :]
        visible = present if visible is None else visible & present
        notes = ("padding was left out of the computation: its queries have weights of zero",)
    compact = None if visible is None else masks.compact(visible, shape)
    scoring = Scoring.of(query, key, mask=compact)
    return CapturedAttention(
        query=query, key=key, value=value, scoring=scoring, kernel=kernel, notes=notes
    )


def _visible(
    mask: Tensor | None, mask_type: int | None, shape: tuple[int, int, int, int]
) -> Bool[Tensor, "..."] | None:
    """Return a mask that is True where a query may attend.

    The operators treat a mask of any dtype as boolean: nonzero where a query may not attend.
    """
    if mask is None:
        return None
    hidden = mask.bool()
    if mask_type == _PADDING or (mask_type is None and mask.shape == (shape[0], shape[3])):
        hidden = hidden[:, None, None, :]
    elif mask_type not in (_SOURCE, _MERGED, None):
        raise Unreadable(f"mask_type {mask_type} of the fast path is not known")
    return ~hidden
