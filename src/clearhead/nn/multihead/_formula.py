"""Attention by the plain formula, in operators that support everything PyTorch offers.

It can be differentiated any number of times, in forward and reverse mode, vmapped, traced and
exported.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional as F
from torch.utils._python_dispatch import _get_current_dispatch_mode

from ...shapes import Bool, Float


class Masking(NamedTuple):
    """The keys that each query may see.

    Attributes:
        mask: added to the scaled scores.
        blocked: True for a query that may see no key: its weights and output are zero.
        causal: whether a query sees only keys up to its own position.
    """

    mask: Float[Tensor, "#batch #heads #query_len #key_len"] | None
    blocked: Bool[Tensor, "#batch #heads #query_len 1"] | None
    causal: bool


def is_transformed() -> bool:
    """Return whether function transforms (`torch.func`) or forward-mode derivatives are active."""
    transformed = getattr(torch._C, "_are_functorch_transforms_active", lambda: False)
    return transformed() or forward_ad._current_level >= 0


def are_plain(*tensors: Tensor | None) -> bool:
    """Return whether these are ordinary tensors outside compilation, tracing, transforms and modes.

    Only then may code look at values or write to its own buffers. A recording does not count as a
    mode, because it must not change a bit.
    """
    if torch.compiler.is_compiling() or torch._C._get_tracing_state():
        return False
    if is_transformed() or (_get_current_dispatch_mode() is not None and not is_recorded()):
        return False
    return all(x is None or type(x) in (Tensor, torch.nn.Parameter) for x in tensors)


def is_recorded() -> bool:
    """Return whether `clearhead.record` is recording."""
    mode = _get_current_dispatch_mode()
    if mode is None:
        return False
    from ...maps.recorder.recorder import Recorder

    return isinstance(mode, Recorder)


def computation_dtype(x: Tensor) -> torch.dtype:
    """Return the dtype to compute scores and weights in; half precision cannot hold scores."""
    return torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype


def weights_dtype(query: Tensor) -> torch.dtype:
    """Return the dtype of the returned weights: the query's, or a softmax's under autocast."""
    if _is_autocast(query.device.type):
        return torch.softmax(query.new_empty(1, 1), dim=-1).dtype
    return query.dtype


def plain_attention(
    query: Float[Tensor, "batch heads query_len head_dim"],
    key: Float[Tensor, "batch heads key_len head_dim"],
    value: Float[Tensor, "batch heads key_len value_dim"],
    masking: Masking,
    dropout: float = 0.0,
    *,
    in_place: bool = False,
) -> tuple[
    Float[Tensor, "batch heads query_len value_dim"], Float[Tensor, "batch heads query_len key_len"]
]:
    """Compute the output in the query's dtype, and the weights after dropout in that of scores.

    Autocast is disabled here, since it would compute scores in half precision. With ``in_place``,
    allowed for plain tensors that need no gradient, weights overwrite their scores.
    """
    query_dtype, dtype = query.dtype, computation_dtype(query)
    shape = (*query.shape[:3], key.shape[2])
    with autocast_disabled(query.device.type):
        if dtype != query_dtype:
            query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
        # Three axes, because matmul's dispatch takes several times as long for four.
        query, key, value = query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1)
        scores = torch.bmm(query * query.shape[-1] ** -0.5, key.transpose(1, 2)).view(shape)
        if masking.causal:
            later = torch.ones(shape[2:], dtype=torch.bool, device=scores.device).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        if masking.mask is not None:
            scores = scores + masking.mask.to(dtype)
        weights = torch.softmax(scores, dim=-1, out=scores if in_place else None)
        if masking.blocked is not None:
            weights = weights.masked_fill(masking.blocked, 0.0)
        if dropout > 0.0:
            weights = F.dropout(weights, dropout)
        output = torch.bmm(weights.flatten(0, 1), value).unflatten(0, shape[:2])
    return output if dtype == query_dtype else output.to(query_dtype), weights


def autocast_disabled(device: str) -> AbstractContextManager[object]:
    """Return a context in which operators keep the dtypes of their inputs."""
    return torch.autocast(device, enabled=False) if _is_autocast(device) else nullcontext()


def _is_autocast(device: str) -> bool:
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
