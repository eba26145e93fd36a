"""Layer norm and root-mean-square norm, over any last axes and in any precision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...config import TransformerConfig
from ...errors import ShapeError
from ...shapes import Array, Float
from ..settings import floating_dtype, required_number
from ..tracing.step_kind import StepKind
from ..tracing.steps import layers as steps
from ..tracing.trace import OFF
from ..tracing.watcher import Watcher

_LAST = (-1,)


def layer_norm(
    x: Float[Array, "*shape"],
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_dtype: Any = None,
    trace: Watcher = OFF,
    of: tuple[str, ...] = (),
) -> Float[Array, "*shape"]:
    """Return (x - mean) / sqrt(variance + epsilon) * weight + bias (Ba et al., arXiv 1607.06450).

    Args:
        x: the norm is over the axes from ``axis`` to the last, together.
        weight, bias: of the shape of those axes, or broadcasting to it; None leaves them out.
        axis: the first axis to norm over.
        epsilon: added to the variance, which is the mean square, without Bessel's correction.
        stash_dtype: the dtype to norm in, such as float32 for half-precision input; the result
            is cast back before weight and bias. None means the dtype of ``x``.
        trace: records the steps ``mean variance normalized output``.
        of: the name of the step that ``x`` is, for the trace.

    Returns:
        an array of the dtype of ``x``.

    Raises:
        ShapeError: ``axis`` is not one of x, or weight and bias do not fit.
        ConfigError: ``epsilon`` is negative or no number, ``stash_dtype`` no floating dtype.
    """
    epsilon = required_number("epsilon", epsilon, least=0.0)
    stash_dtype = floating_dtype("stash_dtype", stash_dtype)
    axes = _axes(x, axis, weight, bias)
    wide = x if stash_dtype is None else x.astype(stash_dtype)
    _, centred, variance = _moments(wide, axes, trace, of)
    normalized = np.divide(centred, np.sqrt(variance + epsilon), out=centred)
    if stash_dtype is not None:
        normalized = normalized.astype(x.dtype)
    if trace.enabled:
        normalized = trace.record(steps.NORMALIZED, normalized, of=(*of, "mean", "variance"))
    output = steps.NORM_OUTPUT[weight is not None, bias is not None]
    return _affine(normalized, weight, bias, output, trace)


def rms_norm(
    x: Float[Array, "*shape"],
    weight: Array | None = None,
    *,
    axis: int = -1,
    epsilon: float = 1e-5,
    stash_dtype: Any = None,
    kinds: tuple[StepKind, StepKind, StepKind] = steps.RMS_NORM,
    trace: Watcher = OFF,
    of: tuple[str, ...] = (),
) -> Float[Array, "*shape"]:
    """Return x / sqrt(mean(x^2) + epsilon) * weight (Zhang and Sennrich 2019, arXiv 1910.07467).

    Arguments, result and errors are those of `layer_norm`; the steps of a trace are
    ``mean_square normalized output``, of the ``kinds`` if there is a weight.
    """
    epsilon = required_number("epsilon", epsilon, least=0.0)
    stash_dtype = floating_dtype("stash_dtype", stash_dtype)
    axes = _axes(x, axis, weight, None)
    wide = x if stash_dtype is None else x.astype(stash_dtype)
    mean_square = _mean(wide * wide, axes)
    if trace.enabled:
        mean_square = trace.record(kinds[0], mean_square, of=of)
    normalized = wide / np.sqrt(mean_square + epsilon)
    if stash_dtype is not None:
        normalized = normalized.astype(x.dtype)
    if trace.enabled:
        normalized = trace.record(kinds[1], normalized, of=(*of, "mean_square"))
    output = steps.NORM_OUTPUT[False, False] if weight is None else kinds[2]
    return _affine(normalized, weight, None, output, trace)


def layer_norm_statistics(
    x: Float[Array, "*shape"], *, axis: int = -1, epsilon: float = 1e-5, stash_dtype: Any = None
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Return the mean and 1 / sqrt(variance + epsilon) that `layer_norm` uses.

    Both keep the normed axes with length 1, in ``stash_dtype`` (None: the dtype of ``x``).
    """
    wide = x if stash_dtype is None else x.astype(stash_dtype)
    mean, _, variance = _moments(wide, _axes(x, axis, None, None))
    return mean, 1 / np.sqrt(variance + epsilon)


class Norm:
    """The norm that a config asks for, with its weights.

    Args:
        config: says which kind, and epsilon.
        weight: what the normalized vectors are multiplied by.
        bias: what is added to them; None for RMS norm.
    """

    def __init__(
        self,
        config: TransformerConfig,
        weight: Float[Array, "d_model"],
        bias: Float[Array, "d_model"] | None,
    ) -> None:
        self.kind = config.norm
        self.epsilon = config.norm_epsilon
        self.weight = weight
        self.bias = bias

    def __call__(
        self, x: Float[Array, "... d_model"], *, trace: Watcher = OFF, of: tuple[str, ...] = ()
    ) -> Float[Array, "... d_model"]:
        """Apply the norm to each vector."""
        if self.kind == "rms":
            return rms_norm(x, self.weight, epsilon=self.epsilon, trace=trace, of=of)
        return layer_norm(x, self.weight, self.bias, epsilon=self.epsilon, trace=trace, of=of)


def _axes(x: Array, axis: int, weight: Array | None, bias: Array | None) -> tuple[int, ...]:
    last = x.shape[-1:]
    if (
        axis == -1
        and last
        and (weight is None or weight.shape == last)
        and (bias is None or bias.shape == last)
    ):
        return _LAST
    first = axis + x.ndim if axis < 0 else axis
    if not 0 <= first < x.ndim:
        raise ShapeError(
            f"axis {axis} is not an axis of an array of shape {x.shape}; "
            f"give one between {-x.ndim} and {x.ndim - 1}."
        )
    for name, array in (("weight", weight), ("bias", bias)):
        if array is not None and not _fits(array.shape, x.shape[first:]):
            raise ShapeError(
                f"The {name} of shape {array.shape} does not fit the normed axes "
                f"{x.shape[first:]} of an array of shape {x.shape} (axis {axis})."
            )
    return tuple(range(first, x.ndim))


def _fits(shape: tuple[int, ...], normed: tuple[int, ...]) -> bool:
    if shape == normed:
        return True
    return len(shape) <= len(normed) and all(
        a in (1, b) for a, b in zip(reversed(shape), reversed(normed), strict=False)
    )


def _mean(x: Array, axes: tuple[int, ...]) -> Array:
    # np.mean would say the same, at three times the cost for the few rows of a decoding step.
    count = x.shape[-1] if len(axes) == 1 else math.prod(x.shape[axes[0] :])
    return np.add.reduce(x, axis=axes, keepdims=True) * (1.0 / count)


def _moments(
    x: Array, axes: tuple[int, ...], trace: Watcher = OFF, of: tuple[str, ...] = ()
) -> tuple[Array, Array, Array]:
    mean = _mean(x, axes)
    if trace.enabled:
        mean = trace.record(steps.MEAN, mean, of=of)
    centred = x - mean
    variance = _mean(centred * centred, axes)
    if trace.enabled:
        variance = trace.record(steps.VARIANCE, variance, of=(*of, "mean"))
    return mean, centred, variance


def _affine(
    normalized: Array, weight: Array | None, bias: Array | None, kind: StepKind, trace: Watcher
) -> Array:
    # `normalized` is this module's own array, so it may be worked on in place; a trace keeps
    # copies.
    result = normalized
    if weight is not None:
        result = np.multiply(result, weight, out=result)
    if bias is not None:
        result = np.add(result, bias, out=result)
    return trace.record(kind, result)
