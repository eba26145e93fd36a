"""The errors of `MultiheadAttention`, with the messages of PyTorch 2.13's layer.

Code that matches PyTorch's messages or exception types keeps working: each error has PyTorch's type
and is also a `clearhead.errors.ShapeError`.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from ...errors import ConfigError, ShapeError


class MultiheadShapeError(ShapeError, AssertionError):
    """Shapes do not fit, where PyTorch raises AssertionError."""


class MultiheadMaskError(ShapeError, RuntimeError):
    """A mask or batch does not fit, where PyTorch raises RuntimeError."""


def check_need_weights(need_weights: object) -> None:
    """Check that ``need_weights`` is not a string other than "map".

    Raises:
        ConfigError: it is another string.
    """
    if isinstance(need_weights, str) and need_weights != "map":
        raise ConfigError(
            f"need_weights must be True, False or 'map' (for an AttentionMap); it is "
            f"{need_weights!r}."
        )


def check_mask_kinds(key_padding_mask: Tensor | None, attn_mask: Tensor | None) -> None:
    """Check that masks are boolean or floating; warn, as PyTorch does, if their kinds differ.

    Raises:
        MultiheadShapeError: a mask is of another type, such as integers.
    """
    for name, mask in (("key_padding_mask", key_padding_mask), ("attn_mask", attn_mask)):
        if mask is not None and mask.dtype != torch.bool and not mask.is_floating_point():
            raise MultiheadShapeError(f"only bool and floating types of {name} are supported")
    if key_padding_mask is None or attn_mask is None:
        return
    if key_padding_mask.dtype != attn_mask.dtype:
        warnings.warn(
            "Support for mismatched key_padding_mask and attn_mask is deprecated. "
            "Use same type for both instead.",
            stacklevel=4,
        )


def check_ranks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    key_padding_mask: Tensor | None,
    attn_mask: Tensor | None,
    num_heads: int,
) -> bool:
    """Check the number of axes of each input, and return whether the input is batched.

    Raises:
        MultiheadShapeError: the number of dimensions of an input does not fit the query's, or
            an unbatched input's 3-D mask is not [num_heads, query_len, key_len].
    """
    if query.dim() not in (2, 3):
        raise MultiheadShapeError(
            "query should be unbatched 2D or batched 3D tensor but received "
            f"{query.dim()}-D query tensor"
        )
    rank = query.dim()
    beginning = f"For {'batched' if rank == 3 else 'unbatched'} ({rank}-D) `query`, expected"
    if key.dim() != rank or value.dim() != rank:
        raise MultiheadShapeError(
            f"{beginning} `key` and `value` to be {rank}-D"
            f" but found {key.dim()}-D and {value.dim()}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != rank - 1:
        raise MultiheadShapeError(
            f"{beginning} `key_padding_mask` to be `None` or {rank - 1}-D"
            f" but found {key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.dim() not in (2, 3):
        raise MultiheadShapeError(
            f"{beginning} `attn_mask` to be `None`, 2-D or 3-D"
            f" but found {attn_mask.dim()}-D tensor instead"
        )
    if rank == 2 and attn_mask is not None and attn_mask.dim() == 3:
        fitting_shape = (num_heads, query.shape[0], key.shape[0])
        if attn_mask.shape != fitting_shape:
            raise MultiheadShapeError(
                f"Expected `attn_mask` shape to be {fitting_shape} but got {attn_mask.shape}"
            )
    return rank == 3


def check_causal_hint(causal: bool, attn_mask: Tensor | None) -> None:
    """Check that a causal hint comes with a mask.

    Raises:
        MultiheadMaskError: there is no mask.
    """
    if causal and attn_mask is None:
        raise MultiheadMaskError(
            "Need attn_mask if specifying the is_causal hint. "
            "You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )


def check_widths(query: Tensor, embed_dim: int, num_heads: int) -> None:
    """Check that the query is as wide as the layer, and that the heads divide it.

    Raises:
        MultiheadShapeError: they do not.
    """
    width = query.shape[-1]
    if width != embed_dim:
        raise MultiheadShapeError(
            f"was expecting embedding dimension of {embed_dim}, but got {width}"
        )
    if width % num_heads:
        raise MultiheadShapeError(f"embed_dim {width} not divisible by num_heads {num_heads}")


def check_key_value(query: Tensor, key: Tensor, value: Tensor, *, separate: bool) -> None:
    """Check that keys and values fit each other and the queries' batch.

    Args:
        query, key, value: in the order Float["length batch width"], as in the messages.
        separate: whether there is one projection matrix for each of the three, so that keys
            and values may differ in width.

    Raises:
        MultiheadShapeError: the shapes of keys and values do not fit.
        MultiheadMaskError: their batch size is not that of the queries.
    """
    if separate and key.shape[:2] != value.shape[:2]:
        raise MultiheadShapeError(
            f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
        )
    if not separate and key.shape != value.shape:
        raise MultiheadShapeError(f"key shape {key.shape} does not match value shape {value.shape}")
    if key.shape[1] != query.shape[1]:
        raise MultiheadMaskError(
            f"query has a batch of {query.shape[1]}, but key and value have one of "
            f"{key.shape[1]}; give each query its own keys and values."
        )


def check_separate_weights(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    weights: tuple[Tensor | None, Tensor | None, Tensor | None],
) -> None:
    """Check that the three projection matrices exist and fit their inputs.

    Raises:
        MultiheadShapeError: one is missing or has another shape.
    """
    inputs = {"query": query, "key": key, "value": value}
    for (name, x), weight in zip(inputs.items(), weights, strict=True):
        if weight is None:
            raise MultiheadShapeError(
                f"use_separate_proj_weight is True but {name[0]}_proj_weight is None"
            )
        fitting_shape = (query.shape[-1], x.shape[-1])
        if weight.shape != fitting_shape:
            raise MultiheadShapeError(
                f"expecting {name} weights shape of {fitting_shape}, but got {weight.shape}"
            )


def check_attn_mask(
    attn_mask: Tensor, batch: int, heads: int, query_len: int, key_len: int
) -> None:
    """Check that the mask covers every query and key.

    Raises:
        MultiheadMaskError: it has another shape.
    """
    fitting_shape = (
        (query_len, key_len) if attn_mask.dim() == 2 else (batch * heads, query_len, key_len)
    )
    if attn_mask.shape != fitting_shape:
        raise MultiheadMaskError(
            f"The shape of the {attn_mask.dim()}D attn_mask is {attn_mask.shape}, "
            f"but should be {fitting_shape}."
        )


def check_padding_mask(key_padding_mask: Tensor, batch: int, key_len: int) -> None:
    """Check that the padding mask is Shaped["batch key_len"].

    Raises:
        MultiheadShapeError: it is not.
    """
    for axis, size in enumerate((batch, key_len)):
        if key_padding_mask.shape[axis] != size:
            raise MultiheadShapeError(
                f"Expected key_padded_mask.shape[{axis}] to be {size}, "
                f"but got {key_padding_mask.shape[axis]}"
            )


def check_static(static: Tensor, name: str, batch: int, heads: int, head_dim: int) -> None:
    """Check that static keys or values are Float["batch*heads key_len head_dim"].

    Raises:
        MultiheadShapeError: they are not.
    """
    for axis, size in ((0, batch * heads), (2, head_dim)):
        if static.shape[axis] != size:
            raise MultiheadShapeError(
                f"expecting {name}.size({axis}) of {size}, but got {static.shape[axis]}"
            )
