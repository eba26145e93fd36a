"""The fused attention operators, and the meaning of their arguments and results.

Each returns its log-sum-exp beside its output, at least if gradients are needed; on a GPU it may be
left out in inference, and the map then computes it on demand. Their `is_causal` aligns the first
query with the first key, but flash-attn's own operators align the last query with the last key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from ....shapes import Float
from ...recording.captured import CapturedAttention, Unreadable
from ...scores.scoring import Scoring
from ..mask_cache import MaskCache


@dataclass(frozen=True)
class FusedKernel:
    """How to read one operator.

    Attributes:
        name: its name in tables.
        mask: the argument that is added to the scores, if it takes one.
        lse: the index of the log-sum-exp among its results; None if it is not returned.
        heads_third: whether tensors are Float["batch length heads head_dim"].
        last_to_last: whether a causal mask aligns the last query with the last key.
    """

    name: str
    mask: str | None = None
    lse: int | None = 1
    heads_third: bool = False
    last_to_last: bool = False


_KERNELS = {
    "aten::_scaled_dot_product_flash_attention_for_cpu": FusedKernel(
        "sdpa flash (cpu)", "attn_mask"
    ),
    "aten::_scaled_dot_product_flash_attention": FusedKernel("sdpa flash"),
    "aten::_scaled_dot_product_efficient_attention": FusedKernel("sdpa efficient", "attn_bias"),
    "aten::_scaled_dot_product_cudnn_attention": FusedKernel("sdpa cudnn", "attn_bias"),
    "aten::_scaled_dot_product_fused_attention_overrideable": FusedKernel("sdpa", "attn_bias"),
    "flash_attn::_flash_attn_forward": FusedKernel(
        "flash-attn", heads_third=True, last_to_last=True
    ),
}

# Fused kernels add masks to scores of half precision in float32.
_SUMS = {torch.float16: torch.float32, torch.bfloat16: torch.float32}

# Parts of names that show that an operator is an attention, though it is not in the table.
_NAMES_OF_ATTENTION = ("scaled_dot_product", "flash_attn", "flash_attention", "efficient_attention")
_NOT_FORWARD = ("backward", "_bwd", "fill", "debug")


def fused_kernel(operator: torch._ops.OpOverload) -> FusedKernel | None:
    """Return the table's entry of an operator, if it has one."""
    return _KERNELS.get(operator._schema.name)


def is_unknown_attention(operator: torch._ops.OpOverload) -> bool:
    """Return whether an operator is named an attention and is not in the table."""
    name = operator._schema.name.partition("::")[2]
    if operator._schema.name in _KERNELS or any(part in name for part in _NOT_FORWARD):
        return False
    return any(part in name for part in _NAMES_OF_ATTENTION)


def arguments(
    operator: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a call by name, defaults included."""
    names, defaults = _signature(operator)
    return {**defaults, **dict(zip(names, args, strict=False)), **kwargs}


@lru_cache(maxsize=64)
def _signature(operator: torch._ops.OpOverload) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the names of an operator's arguments, and the defaults of those that have one."""
    parameters = operator._schema.arguments
    defaults = {one.name: one.default_value for one in parameters if one.has_default_value()}
    return tuple(one.name for one in parameters), defaults


def read_fused(
    kernel: FusedKernel,
    call: Mapping[str, Any],
    result: Any,
    masks: MaskCache,
    is_heads_first: Callable[[Tensor], bool] = lambda query: False,
) -> tuple[CapturedAttention, Float[Tensor, "batch heads query_len value_dim"]]:
    """Return what a fused operator computed.

    Args:
        kernel: how to read it.
        call: its arguments by name.
        result: what it returned.
        masks: the cache of compact masks.
        is_heads_first: whether the model passed heads where the kernel expects the batch.

    Returns:
        The attention, and its output.

    Raises:
        Unreadable: a map cannot represent an argument.
    """
    query, key, value = _tensors(call)
    output: Tensor = result[0] if isinstance(result, tuple | list) else result
    if kernel.heads_third:
        query, key, value, output = (x.transpose(1, 2) for x in (query, key, value, output))
    if call.get("alibi_slopes") is not None:
        raise Unreadable("the kernel was given ALiBi slopes, which are not read yet")
    mask = None if kernel.mask is None else call.get(kernel.mask)
    if query.ndim != 4:
        raise Unreadable(f"the kernel got queries of {query.ndim} axes; four were expected")
    lse = _log_sum_exp(kernel, result, query)
    # The kernel treats the first two axes alike; in a map the batch comes first.
    if query.ndim == key.ndim and query.shape[:2] == key.shape[:2] and is_heads_first(query):
        query, key, value, output = (x.transpose(0, 1) for x in (query, key, value, output))
        lse = None if lse is None else lse.transpose(0, 1)
        if mask is not None and mask.ndim > 2:
            mask = mask[(None,) * (4 - mask.ndim)].transpose(0, 1)
    captured = CapturedAttention(
        query=query,
        key=key,
        value=value,
        lse=lse,
        scoring=_scoring(kernel, call, query, key, mask, masks),
        kernel=kernel.name,
        dropout=float(call.get("dropout_p") or 0.0),
    )
    return captured, output.detach()


def _scoring(
    kernel: FusedKernel,
    call: Mapping[str, Any],
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch kv_heads key_len head_dim"],
    mask: Tensor | None,
    masks: MaskCache,
) -> Scoring:
    """Return how a kernel computed scores from queries and keys."""
    shape = (query.shape[0], query.shape[1], query.shape[2], key.shape[2])
    return Scoring.of(
        query,
        key,
        scale=call.get("scale", call.get("softmax_scale")),
        softcap=call.get("softcap"),
        mask=None if mask is None else masks.compact(mask, shape),
        causal=bool(call.get("is_causal", call.get("causal", False))),
        causal_offset=key.shape[2] - query.shape[2] if kernel.last_to_last else 0,
        window=_window(call),
        added_in=_SUMS.get(query.dtype),
    )


def _tensors(call: Mapping[str, Any]) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values, whatever a kernel calls its arguments."""
    names: tuple[str, str, str] = ("query", "key", "value")
    if "query" not in call:
        names = ("q", "k", "v")
    query, key, value = (call[name] for name in names)
    return query, key, value


def _window(call: Mapping[str, Any]) -> tuple[int | None, int | None] | None:
    """Return flash-attn's window, which has -1 for no limit on a side."""
    sides = (call.get("window_size_left", -1), call.get("window_size_right", -1))
    if all(side is None or side < 0 for side in sides):
        return None
    before, after = (None if side is None or side < 0 else int(side) for side in sides)
    return before, after


def _log_sum_exp(
    kernel: FusedKernel, result: Any, query: Float[Tensor, "batch heads query_len head_dim"]
) -> Float[Tensor, "batch heads query_len"] | None:
    """Return the kernel's log-sum-exp; kernels may pad it, add an axis, or leave it out."""
    if kernel.lse is None or not isinstance(result, tuple | list) or len(result) <= kernel.lse:
        return None
    lse = result[kernel.lse]
    if not isinstance(lse, Tensor) or lse.numel() == 0:
        return None
    if lse.ndim == 4 and lse.shape[-1] == 1:
        lse = lse.squeeze(-1)
    if lse.ndim != 3 or lse.shape[:2] != query.shape[:2] or lse.shape[2] < query.shape[2]:
        return None
    return lse[:, :, : query.shape[2]]
