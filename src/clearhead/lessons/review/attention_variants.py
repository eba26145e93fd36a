"""Attention with mistakes made on purpose, one alone or several together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .attention_mistakes import ASPECTS
from .softmax import softmax_with
from .subject import Array, Candidate, Results


def candidates() -> Iterator[Candidate]:
    """Yield attention with one mistake, then with two, then with three.

    Three at once leave the order of the inputs alone: there are too many of them.
    """
    for count in (1, 2, 3):
        for names in itertools.combinations(ASPECTS, count):
            if count == 3 and "roles" in names:
                continue
            choices = [
                [choice for choice, mistakes in ASPECTS[name].items() if mistakes] for name in names
            ]
            for combination in itertools.product(*choices):
                options = dict(zip(names, combination, strict=True))
                mistakes = tuple(m for name in names for m in ASPECTS[name][options[name]])
                dtype = options.get("precision", "")
                is_narrow = dtype in ("float32", "float16")
                yield Candidate(mistakes, _bind(options), dtype if is_narrow else "")


def _bind(options: dict[str, Any]) -> Callable[..., Results]:
    def compute(*inputs: Array, mask: Array | None = None) -> Results:
        return attend(inputs, mask, **options)

    return compute


def attend(
    inputs: tuple[Array, ...],
    mask: Array | None,
    *,
    softmax: tuple[str, str] = ("row", "row"),
    scale: str = "root",
    masking: str = "before softmax",
    precision: str = "as it comes",
    product: str = "rows",
    roles: tuple[int, int, int] = (0, 1, 2),
) -> Results:
    """Compute attention in the way that a learner might have written it.

    Args:
        inputs: query, key and value, Float["... length width"] each.
        mask: boolean, or floating to be added.
        softmax, scale, masking, precision, product, roles: choices of `ASPECTS`.

    Returns:
        the output and the weights.

    Raises:
        ValueError: as NumPy does where a mistake makes shapes that do not fit.
    """
    whole = inputs[0].dtype if inputs[0].dtype.kind in "iu" else None
    if precision in ("float32", "float16"):
        inputs = tuple(x.astype(precision) for x in inputs)
    query, key, value = (inputs[role] for role in roles)
    scores = query @ (key if product == "keys not transposed" else np.swapaxes(key, -1, -2))
    scores = scores * np.asarray(_factor(scale, query, key, value), scores.dtype if
                                 scores.dtype.kind == "f" else float)  # fmt: skip
    if mask is not None:
        scores = _mask(scores, mask, masking)
    weights = softmax_with(scores, *softmax)
    if scale == "after softmax":
        weights = weights / np.sqrt(key.shape[-1])
    if mask is not None and mask.dtype == bool and masking == "after softmax":
        weights = weights * mask
    if whole is not None and precision == "whole weights":
        weights = weights.astype(whole)
    output = _mix(weights, value, product)
    if whole is not None and precision == "whole outputs":
        output = output.astype(whole)
    return output, weights


def _factor(scale: str, query: Array, key: Array, value: Array) -> float:
    d_k = key.shape[-1]
    return {
        "root": 1 / np.sqrt(d_k),
        "none": 1.0,
        "d_k": 1 / d_k,
        "times root": np.sqrt(d_k),
        "value width": 1 / np.sqrt(value.shape[-1]),
        "key length": 1 / np.sqrt(key.shape[-2]),
        "query length": 1 / np.sqrt(query.shape[-2]),
        "axis 1": 1 / np.sqrt(key.shape[1]),
        "after softmax": 1.0,
    }[scale]


def _mask(scores: Array, mask: Array, masking: str) -> Array:
    if masking == "ignored":
        return scores
    if mask.dtype != bool:
        return scores + mask
    if masking == "after softmax":
        return scores
    if masking == "added":
        return scores + mask
    if masking == "zero":
        return np.where(mask, scores, 0.0)
    return np.where(~mask if masking == "inverted" else mask, scores, -np.inf)


def _mix(weights: Array, value: Array, product: str) -> Array:
    if product == "transposed weights":
        return np.swapaxes(weights, -1, -2) @ value
    if product == "not summed":
        return weights[..., None] * value[..., None, :, :]
    output = weights @ value
    return np.swapaxes(output, -1, -2) if product == "transposed result" else output
