"""The inputs of a model: token ids and masks, as arrays that fit each other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..config import TransformerConfig
from ..errors import ShapeError
from ..shapes import Array, Bool, Int
from ..visible import quoted


@dataclass(frozen=True)
class Inputs:
    """The inputs of one forward pass.

    Attributes:
        source_ids: Int[batch, source_len]; None without an encoder.
        target_ids: Int[batch, target_len]; None without a decoder.
        mask: Bool[batch, length] of the source, or of the target if there is no source; None: the
            model's default.
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
    """Check the inputs of a model, and return them.

    Args:
        config: of the model.
        ids: of the source, or of the prompt of a model without an encoder.
        target_ids: the decoder's input, if there is an encoder too.
        mask, token_types: for ``ids``.
        whole: whether both sides are computed; otherwise only the first.

    Raises:
        ShapeError: an array has the wrong type or shape, or is missing, or is not used.
    """
    rows = whole_numbers("ids", ids)
    both = bool(config.encoder_layers and config.decoder_layers) and whole
    if both == (target_ids is None):
        verb = "reads a source and a target: give ids and target_ids" if both else "takes ids alone"
        raise ShapeError(f"This model {verb}.")
    check_readable("ids", rows, config)
    targets = None if target_ids is None else whole_numbers("target_ids", target_ids)
    if targets is not None:
        check_readable("target_ids", targets, config)
    if targets is not None and len(targets) != len(rows):
        raise ShapeError(
            f"ids and target_ids must have as many rows; they have {len(rows)} and {len(targets)}."
        )
    real = None if mask is None else real_positions(mask, rows.shape)
    types = None if token_types is None else whole_numbers("token_types", token_types)
    if types is not None and types.shape != rows.shape:
        raise ShapeError(
            f"token_types must have the shape of ids, {rows.shape}; they have {types.shape}."
        )
    if config.encoder_layers:
        return Inputs(rows, targets, real, types)
    return Inputs(None, rows, real, types)


def texts_of(texts: Any, kind: str, *, most: int | None = None) -> list[str]:
    """Return one text or several as a list.

    Args:
        texts: one, or several.
        kind: the word for them in messages: ``prompt`` or ``text``.
        most: the largest number allowed.

    Raises:
        TypeError: they are not texts, or too many.
    """
    if isinstance(texts, str):
        return [texts]
    several = "" if most == 1 else ", or several"
    if most == 1 or isinstance(texts, bytes) or not isinstance(texts, Iterable):
        raise TypeError(f"A {kind} is a str{several}; {quoted(texts)} came.")
    rows = list(texts)
    for number, text in enumerate(rows):
        if not isinstance(text, str):
            raise TypeError(f"A {kind} is a str; {kind} {number} is {quoted(text)}.")
    return rows


def one_row(value: Any) -> Any:
    """Return a single row of ids or of a mask as a batch of one; other values unchanged."""
    try:
        return [value] if np.ndim(value) == 1 and np.size(value) else value
    except ValueError:  # rows of different lengths, which whole_numbers refuses
        return value


def whole_numbers(name: str, value: ArrayLike) -> Array:
    """Return ids as an array Int[batch, length].

    Raises:
        ShapeError: they are not whole numbers in this shape.
    """
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise ShapeError(
            f"The rows of {name} must have the same length. Fill the shorter ones up, and say in "
            f"mask where a position is real."
        ) from None
    if array.ndim != 2 or array.dtype.kind not in "iu" or not array.size:
        hint = f" For a single row, give [{name}]." if array.ndim == 1 and array.size else ""
        raise ShapeError(
            f"{name} must be whole numbers of shape [batch, length], with a length of at least 1; "
            f"they are {array.dtype} of shape {array.shape}.{hint}"
        )
    return array


def real_positions(mask: ArrayLike, shape: tuple[int, ...]) -> Bool[Array, "batch length"]:
    """Return a mask as an array of booleans; 1 and 0 are accepted too.

    Raises:
        ShapeError: its shape is not that of the ids, or it has other values.
    """
    try:
        array = np.asarray(mask)
    except ValueError:
        raise ShapeError("The rows of mask must have the same length.") from None
    if array.shape != shape:
        raise ShapeError(f"mask must have the shape of ids, {shape}; it has {array.shape}.")
    if array.dtype.kind in "iu" and ((array == 0) | (array == 1)).all():
        array = array == 1
    if array.dtype != bool:
        raise ShapeError(
            f"mask must be True where a position is real, and False elsewhere (or 1 and 0); it is "
            f"{array.dtype} and holds other numbers."
            if array.dtype.kind in "iu"
            else f"mask must be True where a position is real, and False elsewhere; it is "
            f"{array.dtype}. mask == 1 makes one of numbers."
        )
    return array


def check_readable(name: str, ids: Int[Array, "batch length"], config: TransformerConfig) -> None:
    """Check that ids are in the model's vocabulary, and not more than it reads.

    Raises:
        ShapeError: they are not; the message says what the model reads.
    """
    wrong = ids[(ids < 0) | (ids >= config.vocab_size)]
    if wrong.size:
        raise ShapeError(
            f"{name} hold {wrong[0]}, and this model's ids are 0 to {config.vocab_size - 1}. Is it "
            f"the tokenizer that belongs to the model?"
        )
    if ids.shape[1] > config.max_length:
        raise ShapeError(
            f"{name} have a length of {ids.shape[1]}, and this model reads at most "
            f"{config.max_length} tokens. Give a part of them, or take a model that reads more."
        )
