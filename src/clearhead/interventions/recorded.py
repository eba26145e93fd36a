"""Replaces a model's numbers by those of a recording: their mean, or of the same positions."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from ..errors import ConfigError
from ..maps.attention_map import AttentionMap
from ..maps.recording.recording import Recording
from .edits import HEADS, KEY, OUTPUT, QUERY, VALUE, Change, Place


def mean_of(recording: Recording) -> Change:
    """Numbers become their mean over the texts and positions of a recording."""
    return partial(_mean, recording, {})


def patch_of(recording: Recording) -> Change:
    """Numbers become those that a recording has at the same positions."""
    return partial(_patch, recording, {})


def _mean(
    recording: Recording, means: dict[tuple[str, str], Tensor], x: Tensor, place: Place
) -> Tensor:
    key = place.module, place.part
    if key not in means:
        source = _numbers(recording, place)
        means[key] = (
            source.mean((0, 2), keepdim=True) if source.ndim == 4 else _mean_of_rows(source)
        )
    mean = means[key]
    if place.part != OUTPUT:
        mean = mean[:, list(place.heads)]
    return mean.to(x.device, x.dtype).expand(x.shape)


def _mean_of_rows(source: Tensor) -> Tensor:
    return source.flatten(0, -2).mean(0)


def _patch(
    recording: Recording, sources: dict[tuple[str, str], Tensor], x: Tensor, place: Place
) -> Tensor:
    key = place.module, place.part
    if key not in sources:
        sources[key] = _numbers(recording, place)
    source = sources[key]
    if place.part != OUTPUT:
        source = source[:, list(place.heads)]
    if len(place.positions):
        last = int(place.positions.max())
        if last >= source.shape[place.length_axis]:
            raise ConfigError(
                f"patch: the {place.part} of {place.module!r} is needed at position {last}, and "
                f"the recording has {source.shape[place.length_axis]} positions. Name those to be "
                "patched: .patch(recording, positions=...)."
            )
        source = source.index_select(place.length_axis, place.positions.to(source.device))
    try:
        return source.to(x.device, x.dtype).expand(x.shape)
    except RuntimeError:
        raise ConfigError(
            f"patch: the {place.part} of {place.module!r} has the shape {list(x.shape)} here, and "
            f"{list(source.shape)} in the recording."
        ) from None


def _numbers(recording: Recording, place: Place) -> Tensor:
    """Return the numbers of a part of a module in a recording, for all heads and positions.

    Raises:
        TraceError: it has no numbers of the module, or several calls.
        ConfigError: it kept no values.
    """
    if place.part == OUTPUT:
        return recording.outputs[place.module]
    if place.part == HEADS:
        return recording.head_outputs[place.module]
    attention_map = recording[place.module]
    if not isinstance(attention_map, AttentionMap):
        raise ConfigError(
            f"The recording has only summaries of {place.module!r}: record it without summaries."
        )
    sources = {QUERY: attention_map.query, KEY: attention_map.key, VALUE: attention_map.value}
    source = sources[place.part]
    if source is None:
        raise ConfigError(
            f"The recording has no values of {place.module!r}: record with values=True."
        )
    group = attention_map.shape[1] // source.shape[1]
    return torch.repeat_interleave(source, group, 1)
