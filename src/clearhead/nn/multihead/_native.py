"""PyTorch's single operator for a whole layer in inference, used where it is the fastest.

It computes scores, softmax, output and weights as the plain formula does, without separate calls.
It is used only for self-attention in full precision without masks: it gives NaN for a query that
may see no key, and overflows in half precision. For the mean over heads it is used only with few
scores, because it computes the weights of all heads first.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ._formula import are_plain
from ._parameters import ForwardSettings, Parameters
from ._weights import PLAIN_ELEMENTS


def native_attention(
    query: Tensor, key: Tensor, value: Tensor, parameters: Parameters, settings: ForwardSettings
) -> tuple[Tensor, Tensor] | None:
    """Compute output and weights without a mask; return None if the operator cannot be used."""
    weight, bias = parameters.in_proj_weight, parameters.in_proj_bias
    self_attention = query is key and key is value and settings.batch_first
    extra_keys = parameters.bias_k is not None or settings.add_zero_attn
    if not self_attention or extra_keys or parameters.separate is not None:
        return None
    if weight is None or bias is None or parameters.out_proj_bias is None:
        return None
    if settings.need_weights is not True or settings.dropout > 0.0 or settings.num_heads % 2:
        return None
    projection = (parameters.out_proj_weight, parameters.out_proj_bias)
    tensors = (query, weight, bias, *projection)
    if not _is_plain_inference(*tensors):
        return None
    scores = query.shape[0] * settings.num_heads * query.shape[1] ** 2
    if scores == 0 or (settings.average and scores > PLAIN_ELEMENTS[False]):
        return None
    output_and_weights: tuple[Tensor, Tensor] = torch._native_multi_head_attention(
        query,
        key,
        value,
        settings.embed_dim,
        settings.num_heads,
        weight,
        bias,
        *projection,
        None,
        True,
        settings.average,
        None,
    )
    return output_and_weights


def _is_plain_inference(*tensors: Tensor) -> bool:
    """Return whether no gradient is needed and all tensors share one full precision on the CPU."""
    dtype = tensors[0].dtype
    return (
        dtype in (torch.float32, torch.float64)
        and are_plain(*tensors)
        and torch.backends.mha.get_fastpath_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not (torch.is_grad_enabled() and any(x.requires_grad for x in tensors))
        and all(x.dtype == dtype and x.device.type == "cpu" for x in tensors)
    )
