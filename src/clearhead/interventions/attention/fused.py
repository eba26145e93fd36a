"""Edits `scaled_dot_product_attention` before, in and after the kernel, which stays fused."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ...errors import ConfigError
from ..edited_tensor import Frame, apply_edit
from ..edits import HEADS, KEY, QUERY, VALUE, EdgeEdit, Edit, TensorEdit
from ..offsets import Offsets
from .edge_plan import edge_groups
from .edges import FusedCall, attend
from .layout import FIRST, MERGED, MERGED_FIRST, ONE, PACKED_HEADS, Layout

_NAMES = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale", "enable_gqa")


def arguments(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `scaled_dot_product_attention` by name."""
    return {**dict(zip(_NAMES, args, strict=False)), **kwargs}


def edit_fused(
    call: Mapping[str, Any],
    edits: Sequence[Edit],
    layout: Layout,
    offsets_of: Callable[[int, int, int], Offsets],
    module: str,
) -> Tensor:
    """Return the output of a fused attention with edits applied.

    Args:
        call: its arguments by name.
        edits: the edits of the attention, in their order.
        layout: the layout of batch and heads.
        offsets_of: returns the positions for (batch, query_len, key_len).
        module: the module's name.

    Raises:
        ConfigError: an edit cannot be applied exactly.
    """
    for edit in edits:
        layout.check(edit)
    fused = _unfolded(call, layout)
    batch, _, query_len, _ = fused.query.shape
    offsets = offsets_of(batch, query_len, fused.key.shape[2])
    queries = Frame(module, offsets.query, 2, 1, offsets.doubt)
    keys = Frame(module, offsets.key, 2, 1)
    of_tensors = [edit for edit in edits if isinstance(edit, TensorEdit)]
    fused = _with_factors_edited(fused, of_tensors, queries, keys)
    shape = (batch, fused.query.shape[1], query_len, fused.key.shape[2])
    groups = edge_groups(
        [edit for edit in edits if isinstance(edit, EdgeEdit)],
        shape,
        offsets,
        module,
        fused.query.device,
    )
    output = attend(fused, groups) if groups else fused.run()
    for edit in of_tensors:
        if edit.part == HEADS:
            output = apply_edit(output, edit, queries)
    if layout.form == PACKED_HEADS:
        return output.reshape(*call["query"].shape[:3], output.shape[-1])
    return layout.fold(output, call["query"])


def _with_factors_edited(
    fused: FusedCall, edits: Sequence[TensorEdit], queries: Frame, keys: Frame
) -> FusedCall:
    """Return a call with its queries, keys and values edited."""
    if any(edit.part in (KEY, VALUE) for edit in edits):
        fused = fused.with_heads_repeated()
    for edit in edits:
        if edit.part == QUERY:
            fused = replace(fused, query=apply_edit(fused.query, edit, queries))
        elif edit.part == KEY:
            fused = replace(fused, key=apply_edit(fused.key, edit, keys))
        elif edit.part == VALUE:
            fused = replace(fused, value=apply_edit(fused.value, edit, keys))
    return fused


def _unfolded(call: Mapping[str, Any], layout: Layout) -> FusedCall:
    """Return a call with batch and heads as the first axes, whatever the model's layout."""
    query, key, value = (call[name] for name in ("query", "key", "value"))
    mask = call.get("attn_mask")
    grouped = bool(call.get("enable_gqa", False))
    if layout.form == PACKED_HEADS:
        mask = _unpacked_mask(mask, query)
        query = query.reshape(query.shape[0], layout.heads, 1, query.shape[-1])
        grouped = True
    else:
        query, key, value = (layout.unfold(x) for x in (query, key, value))
        mask = _unfolded_mask(mask, layout, call["query"])
    return FusedCall(
        query,
        key,
        value,
        mask,
        float(call.get("dropout_p") or 0.0),
        bool(call.get("is_causal", False)),
        call.get("scale"),
        grouped,
    )


def _unfolded_mask(mask: Tensor | None, layout: Layout, query: Tensor) -> Tensor | None:
    """Return a mask that broadcasts to [batch, heads, query_len, key_len]."""
    if mask is None or mask.ndim <= 2:
        return mask
    if layout.form == FIRST:
        return mask[(None,) * (4 - mask.ndim)].transpose(0, 1)
    if layout.form in (MERGED, MERGED_FIRST):
        return layout.unfold(mask) if mask.shape[0] == query.shape[0] else mask[None]
    if layout.form == ONE:
        return mask.unsqueeze(1)
    return mask


def _unpacked_mask(mask: Tensor | None, query: Tensor) -> Tensor | None:
    """Turn the mask of a query whose heads were packed as queries into a mask of heads."""
    if mask is None or mask.ndim < 2 or mask.shape[-2] == 1:
        if mask is not None and mask.ndim > 2 and mask.shape[-3] > 1:
            return mask.repeat_interleave(query.shape[2], -3)
        return mask
    if mask.ndim == 4 and mask.shape[1] == query.shape[1]:
        return mask.flatten(1, 2)[:, :, None]
    if bool((mask == mask[..., :1, :]).all()):
        return mask[..., :1, :]
    raise ConfigError(
        "The heads of a single token were passed to the kernel as queries, and each has a mask of "
        "its own; edits cannot tell which head is which. Use attn_implementation='eager'."
    )


def is_packed(query: Tensor, key: Tensor, hints: list[int], tokens: int | None) -> bool:
    """Return whether the heads of a single token were passed as queries.

    Args:
        query, key: as the kernel gets them.
        hints: the numbers of heads in the module's attributes.
        tokens: the length of the sequence that the module was called with, if known.
    """
    if query.ndim != 4 or tokens != 1 or query.shape[2] == 1:
        return False
    heads, group = query.shape[1:3]
    return heads * group in hints and heads not in hints and key.shape[1] == heads
