"""The possible changes of the arrays of a model of ours."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ...errors import ConfigError, TraceError
from ...reference.tracing.trace import Trace
from ...shapes import Array
from ..edits import Change, Place


def zero() -> Change:
    """Numbers become 0."""
    return lambda x, place: np.zeros_like(x)


def scale(factor: Any) -> Change:
    """Numbers are multiplied by a factor."""
    return lambda x, place: x * np.asarray(factor, x.dtype)


def apply(function: Callable[[Any], Any]) -> Change:
    """Numbers become what a function returns for a copy of them."""
    return lambda x, place: function(x.copy())


def substitute(values: Any) -> Change:
    """Numbers become those of an array, which is repeated along axes where it has one entry."""

    def change(x: Array, place: Place) -> Array:
        new = np.asarray(values, x.dtype)
        try:
            return np.broadcast_to(new, x.shape)
        except ValueError:
            raise ConfigError(
                f"An array of the shape {list(new.shape)} cannot take the place of the "
                f"{place.part} of {place.module!r}, which has the shape {list(x.shape)} here."
            ) from None

    return change


def mean_of(recording: Any) -> Change:
    """Numbers become their mean over the texts and positions of a trace."""
    return partial(_mean, _checked(recording))


def patch_of(recording: Any) -> Change:
    """Numbers become those that a trace has at the same positions."""
    return partial(_patch, _checked(recording))


def _mean(trace: Trace, x: Array, place: Place) -> Array:
    source = _numbers(trace, place)
    mean = source.mean(axis=(0, -2), keepdims=True)
    if mean.shape[-1] != x.shape[-1] or mean.ndim != x.ndim:
        raise _misfit("mean", x, source, place)
    return np.broadcast_to(mean.astype(x.dtype), x.shape)


def _patch(trace: Trace, x: Array, place: Place) -> Array:
    source = _numbers(trace, place)
    last = int(place.positions.max())
    if last >= source.shape[-2]:
        raise ConfigError(
            f"patch: the {place.part} of {place.module!r} is needed at position {last}, and the "
            f"trace has {source.shape[-2]} positions. Name those to be patched: "
            ".patch(trace, positions=...)."
        )
    source = source[..., place.positions, :]
    try:
        return np.broadcast_to(source.astype(x.dtype, copy=False), x.shape)
    except ValueError:
        raise _misfit("patch", x, source, place) from None


def _numbers(trace: Trace, place: Place) -> Array:
    """Return the numbers of a part of a module in a trace, for all positions of the heads.

    Raises:
        TraceError: it has no numbers of the module.
    """
    path = place.module
    if path not in trace:
        raise TraceError(
            f"The trace has no step {path!r}. Record it: keep=[..., {path!r}], or leave keep."
        )
    source = trace[path].value
    if place.heads:
        group = place.head_count // source.shape[-3]
        source = np.repeat(source, group, axis=-3)[..., list(place.heads), :, :]
    return source


def _misfit(verb: str, x: Array, source: Array, place: Place) -> ConfigError:
    return ConfigError(
        f"{verb}: the {place.part} of {place.module!r} has the shape {list(x.shape)} here, and "
        f"{list(source.shape)} in the trace."
    )


def _checked(recording: Any) -> Trace:
    if not isinstance(recording, Trace):
        raise ConfigError(
            "Numbers for a model of clearhead come from a trace of it, such as model.trace(text) "
            f"gives; got {type(recording).__name__}."
        )
    return recording
