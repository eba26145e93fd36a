"""A drop-in replacement for `torch.nn.MultiheadAttention` with cheap attention weights.

Vaswani et al. 2017 (arXiv 1706.03762), section 3.2. Deliberate differences from PyTorch's layer:

- For a query that may see no key, the result of attention and the weights are zeros instead of NaN,
  with finite gradients. Its output is then the bias of the output projection.
- For float16 and bfloat16, also under autocast, scores and weights are computed in float32 and
  rounded once, so that large scores do not overflow. PyTorch's layer then gives NaN weights in
  float16, although its output without weights is finite.
- With ``need_weights=False`` there are second derivatives (a gradient penalty, `torch.func.jvp`,
  `hessian`), which PyTorch's fused kernel lacks; with dropout they raise PyTorch's error. First
  derivatives are still the kernel's.
- With ``is_causal`` and ``add_bias_kv`` or ``add_zero_attn``, the added keys are visible to every
  query, with weights and without.
- PyTorch's native operator for inference is used only for self-attention with weights and without
  masks, and for the mean over heads only if there are few scores. Otherwise training and evaluation
  run the same code. Nested tensors are passed to PyTorch's forward.
- `torch.jit.script` raises a `ConfigError` that names alternatives: PyTorch has deprecated it, and
  a script would be a second implementation. `torch.compile`, `torch.export.export` (with dynamic
  lengths, too) and `torch.jit.trace` work.

As with PyTorch's layer, asking for weights may change the last digits of the output: it is then
computed from these weights, otherwise by the fused kernel. Both agree up to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NoReturn, cast, overload

import torch
from torch import Tensor

from ...errors import ConfigError
from ._computation import multi_head_attention
from ._parameters import ForwardSettings, Parameters

if TYPE_CHECKING:
    from ...maps.attention_map import AttentionMap


class MultiheadAttention(torch.nn.MultiheadAttention):
    """`torch.nn.MultiheadAttention` with cheap attention weights and without NaN.

    Constructor, parameters, initialisation, state dict and pickling are inherited from PyTorch;
    ``isinstance(layer, torch.nn.MultiheadAttention)`` holds. Only the computation is new; the
    module's docstring lists where its results differ. A boolean mask is True where a query may
    **not** attend: PyTorch's convention, the opposite of that in the rest of clearhead.
    """

    def __prepare_scriptable__(self) -> NoReturn:
        """Refuse `torch.jit.script`, which calls this method first, also for submodules.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(
            "torch.jit.script was asked to compile clearhead.nn.MultiheadAttention, which it "
            "cannot; PyTorch has deprecated it. Use torch.compile, torch.export.export or "
            "torch.jit.trace, or load this layer's state dict into torch.nn.MultiheadAttention "
            "and script that."
        )

    @overload
    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = ...,
        need_weights: bool = ...,
        attn_mask: Tensor | None = ...,
        average_attn_weights: bool = ...,
        is_causal: bool = ...,
    ) -> tuple[Tensor, Tensor | None]: ...

    @overload
    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = ...,
        *,
        need_weights: Literal["map"],
        attn_mask: Tensor | None = ...,
        average_attn_weights: bool = ...,
        is_causal: bool = ...,
    ) -> tuple[Tensor, AttentionMap]: ...

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool | Literal["map"] = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | AttentionMap | None]:
        """Attend from queries to keys and values.

        Args:
            query: Float["query_len batch embed_dim"], with ``batch_first``
                Float["batch query_len embed_dim"], or unbatched Float["query_len embed_dim"].
            key: the same with key_len and kdim.
            value: the same with key_len and vdim.
            key_padding_mask: Shaped["batch key_len"], unbatched Shaped["key_len"]. Boolean, True
                for a key to ignore, or floating, added to the scaled scores.
            need_weights: whether to return weights; "map" returns an `AttentionMap` instead, which
                computes the weights of all heads before dropout when they are accessed.
            attn_mask: Shaped["query_len key_len"], or
                Shaped["batch*num_heads query_len key_len"]. Boolean, True where a query may not
                attend, or floating, added to the scaled scores.
            average_attn_weights: whether to return the mean of the weights over heads, or the
                weights of all heads.
            is_causal: a hint that ``attn_mask``, which must be given, is the causal mask. Without a
                key_padding_mask the mask itself is then not read, so a wrong hint gives causal
                attention.

        Returns:
            The output, shaped like the query, and the weights, Float["batch query_len key_len"]
            or Float["batch num_heads query_len key_len"], without the batch axis for unbatched
            input; None unless asked for. key_len includes the keys added by ``add_bias_kv`` and
            ``add_zero_attn``. In training with dropout, weights are those after dropout. A map is
            Float["batch num_heads query_len key_len"], with a batch axis of 1 for unbatched input.

        Raises:
            ConfigError: ``need_weights`` is a string other than "map".
            MultiheadShapeError: inputs do not fit (an AssertionError, as in PyTorch).
            MultiheadMaskError: an attn_mask does not fit, or is missing with ``is_causal`` (a
                RuntimeError, as in PyTorch).
        """
        if query.is_nested or key.is_nested or value.is_nested:
            nested_weights = _check_nested_weights(need_weights)
            arguments = (query, key, value, key_padding_mask, nested_weights, attn_mask)
            return super().forward(*arguments, average_attn_weights, is_causal)
        settings = ForwardSettings(
            self.embed_dim,
            self.num_heads,
            self.batch_first,
            self.add_zero_attn,
            self.dropout if self.training else 0.0,
            need_weights,
            average_attn_weights,
            is_causal,
        )
        inputs, parameters = (query, key, value), self._parameters_now()
        return multi_head_attention(inputs, key_padding_mask, attn_mask, parameters, settings)

    def _parameters_now(self) -> Parameters:
        """Return the weights, read at each call because a parametrisation may compute them anew."""
        separate = None
        if not self._qkv_same_embed_dim:
            separate = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        return Parameters(
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.out_proj.weight,
            self.out_proj.bias,
            separate,
        )


def _check_nested_weights(need_weights: bool | Literal["map"]) -> bool:
    """Return whether weights are needed for nested tensors, which cannot give a map."""
    if need_weights == "map":
        raise ConfigError(
            "Nested tensors have no attention map. Pad them, with a key_padding_mask."
        )
    return need_weights


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """`torch.nn.functional.multi_head_attention_forward`, computed as in `MultiheadAttention`.

    It takes the same arguments in the same order; inputs are Float["length batch width"] or
    unbatched. ``static_k`` and ``static_v``, Float["batch*num_heads key_len head_dim"], replace the
    projected keys and values.
    """
    separate = (q_proj_weight, k_proj_weight, v_proj_weight) if use_separate_proj_weight else None
    parameters = Parameters(
        in_proj_weight, in_proj_bias, bias_k, bias_v, out_proj_weight, out_proj_bias, separate
    )
    settings = ForwardSettings(
        embed_dim_to_check,
        num_heads,
        False,
        add_zero_attn,
        dropout_p if training else 0.0,
        need_weights,
        average_attn_weights,
        is_causal,
    )
    inputs, static = (query, key, value), (static_k, static_v)
    output, weights = multi_head_attention(
        inputs, key_padding_mask, attn_mask, parameters, settings, static
    )
    return output, cast("Tensor | None", weights)
