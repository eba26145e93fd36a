"""The ids that a model reads, as arrays that fit together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..config import TransformerConfig
from ..errors import ShapeError
from ..shapes import Array


@dataclass(frozen=True)
class Inputs:
    """What one forward pass reads.

    Attributes:
        source_ids: Int[batch, source_len]; None without an encoder.
        target_ids: Int[batch, target_len]; None without a decoder.
        mask: Bool[batch, length] of the first of both that there is; None: the model's own rule.
        token_types: Int[batch, source_len], or None.
    """

    source_ids: Array | None
    target_ids: Array | None
    mask: Array | None = None
    token_types: Array | None = None

    @property
    def lens_arguments(self) -> dict[str, Any]:
        """The arguments of `clearhead.lens`."""
        return {"source_ids": self.source_ids, "target_ids": self.target_ids, "mask": self.mask}

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of `Transformer.forward`."""
        return {**self.lens_arguments, "token_types": self.token_types}


def model_inputs(
    config: TransformerConfig,
    ids: ArrayLike,
    target_ids: ArrayLike | None,
    mask: ArrayLike | None,
    token_types: ArrayLike | None,
    *,
    whole: bool = True,
) -> Inputs:
    """Return the inputs of a model, checked.

    Args:
        config: of the model.
        ids: of the source, or of the prompt of a model without an encoder.
        target_ids: what the decoder reads, where there is an encoder too.
        mask, token_types: of ``ids``.
        whole: whether both sides are computed; otherwise the first alone.

    Raises:
        ShapeError: something has another type or shape, or is missing, or of no use.
    """
    rows = whole_numbers("ids", ids)
    both = bool(config.encoder_layers and config.decoder_layers) and whole
    if both == (target_ids is None):
        verb = "reads a source and a target: give ids and target_ids" if both else "takes ids alone"
        raise ShapeError(f"This model {verb}.")
    targets = None if target_ids is None else whole_numbers("target_ids", target_ids)
    if targets is not None and len(targets) != len(rows):
        raise ShapeError(
            f"ids and target_ids must have as many rows; they have {len(rows)} and {len(targets)}."
        )
    real = None if mask is None else np.asarray(mask)
    if real is not None and (real.dtype != bool or real.shape != rows.shape):
        raise ShapeError(
            f"mask must be True and False for each of the {rows.shape} ids; it is {real.dtype} of "
            f"shape {real.shape}. mask == 1 makes one of numbers."
        )
    types = None if token_types is None else whole_numbers("token_types", token_types)
    if types is not None and types.shape != rows.shape:
        raise ShapeError(
            f"token_types must have the shape of ids, {rows.shape}; they have {types.shape}."
        )
    if config.encoder_layers:
        return Inputs(rows, targets, real, types)
    return Inputs(None, rows, real, types)


def whole_numbers(name: str, value: ArrayLike) -> Array:
    """Return ids as an array Int[batch, length].

    Raises:
        ShapeError: they are something else.
    """
    array = np.asarray(value)
    if array.ndim != 2 or array.dtype.kind not in "iu" or not array.shape[1]:
        raise ShapeError(
            f"{name} must be whole numbers of shape [batch, length], with a length of at least 1; "
            f"they are {array.dtype} of shape {array.shape}."
        )
    return array
