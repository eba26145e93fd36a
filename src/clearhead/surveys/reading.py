"""Measures each head on one text: one recorded forward pass, and one pass over each map."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, TextError
from ..head_kinds import HeadSums, scored_heads
from ..shapes import Array, Float
from .scales import SCALES

if TYPE_CHECKING:
    from .text_model import Model


@dataclass(frozen=True, eq=False)
class LayerReading:
    """The measurements of one attention's heads on one text.

    Attributes:
        attention: ``self`` or ``cross``.
        kernel: that computed the attention.
        values: each measure by name: Float["heads"], NaN for a head without a value in this text.
        sums: the totals that determine the kinds of the heads.
        kinds: of the heads in this text; None if too few queries have a choice of keys.
    """

    attention: str
    kernel: str
    values: Mapping[str, Float[Array, "heads"]]
    sums: HeadSums
    kinds: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class TextReading:
    """The measurements of all heads on one text.

    Attributes:
        layers: by the place of the module in the model, its name, and the number of its call.
        tokens: number of tokens that the model read.
        target_tokens: number of tokens that its decoder read; 0 without one.
        is_cut: whether the model wrote the target itself without reaching its end.
        refusals: reasons why a module could not be read exactly, by its name.
    """

    layers: Mapping[tuple[int, str, int], LayerReading]
    tokens: int
    target_tokens: int = 0
    is_cut: bool = False
    refusals: Mapping[str, str] = field(default_factory=dict)


def read_text(
    model: Model, text: str, target: str | None = None, layers: tuple[str, ...] = ()
) -> TextReading:
    """Let a model read a single text, and measure its heads.

    Args:
        model: to read with.
        text: to read; with two stacks, the encoder's.
        target: the decoder's text, with two stacks; None lets the model write it, greedily.
        layers: modules to measure; empty for all.

    Raises:
        TextError: the text is empty or too long, or the model's numbers are not finite; the message
            is a clause that calls the line "it".
        ConfigError: the model has no attention.
        CheckpointError: the model must write a target, but lacks the weights for it.
    """
    ids, is_cut = _ids(model, text), False
    target_ids = None
    if model.two_stacks and target is not None:
        target_ids = _ids(model, target, target=True)
    elif model.two_stacks:
        target_ids, is_ended = model.written_ids(ids, "a column of targets")
        is_cut = not is_ended
    with model.recording_of(layers, None) as recording:
        model.run_ids(ids, target_ids)
    if not len(recording):
        name = type(model.model).__name__
        among = f" in {', '.join(layers)}" if layers else ""
        raise ConfigError(f"Nothing was recorded: no attention of {name} was met{among}.")
    # A module may be called several times, and a different number of times for each text.
    places = {name: place for place, (name, _) in enumerate(model.stack.named_modules())}
    refusals = {name: _without_numbers(one.why) for name, one in recording.refusals.items()}
    readings = {
        (places.get(name, len(places)), name, call): _layer(name, one)
        for name in recording
        if name not in refusals
        for call, one in enumerate(recording.calls(name))
    }
    return TextReading(readings, len(ids), len(target_ids or ()), is_cut, refusals)


def _ids(model: Model, text: str, *, target: bool = False) -> list[int]:
    """Return the token ids of a whole text.

    Raises:
        TextError: it is empty, or longer than the model can read.
    """
    what = "its target" if target else "it"
    if not text.strip():
        raise TextError(f"{what} is empty")
    ids = model.ids_of(text, target=target)
    if not ids:
        raise TextError(f"{what} holds no token: the tokenizer made nothing of it")
    limit = model.excess(ids, target=target)
    if limit is not None:
        raise TextError(f"{what} has {len(ids):,} tokens, and the model can read {limit:,}")
    return ids


def _layer(name: str, one: Any) -> LayerReading:
    """Measure the heads of an `AttentionMap`, whose batch is one text."""
    from ..maps.heads.measuring import head_numbers
    from ..maps.heads.tokens import key_ids
    from ..maps.measures.per_position import Distance
    from ..maps.measures.place_weights import FIRST

    cross = one.source.kind == "cross"
    tokens = None if cross else key_ids(one, name, None, several_texts=False)
    distance = Distance()
    numbers = head_numbers(one, cross=cross, ids=tokens, others=[distance])
    sums = HeadSums.of(numbers.weights_of(0)).rounded()
    values = {
        "entropy": _means(numbers.entropy),
        "sink": np.minimum(_means(numbers.numbers[..., FIRST]), 1.0),
        # A distance between positions of target and source has no meaning.
        "distance": np.full(one.shape[1], math.nan) if cross else _means(numbers.others[distance]),
        **sums.scores(),
    }
    if not all(np.isfinite(values[name]).all() for name in ("entropy", "sink")):
        raise TextError(f"{name or 'the model'} computes numbers for it that are not finite")
    return LayerReading(
        one.source.kind,
        one.source.kernel,
        {measure: values[measure] for measure in SCALES if measure in values},
        sums,
        tuple(head.kind for head in scored_heads(sums)),
    )


def _means(numbers: Any) -> Float[Array, "heads"]:
    """Return the means over the queries of a batch of one text, ["batch heads query_len"]."""
    means: Array = numbers[0].detach().cpu().double().numpy().mean(-1)
    return means


def _without_numbers(why: str) -> str:
    """Return a reason with # for its numbers, so that texts with the same reason are counted."""
    return re.sub(r"\d[\d,.]*\d|\d", "#", why)
