"""What a text shows of each head: one forward pass that is recorded, and one pass over each map."""

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
    """What one text shows of the heads of one attention.

    Attributes:
        attention: ``self`` or ``cross``.
        kernel: what computed it.
        values: each measure by name: Float["heads"], NaN where the text says nothing of a head.
        sums: the totals that the kinds of the heads follow from.
        kinds: of the heads, over this text; None where too few queries have a choice.
    """

    attention: str
    kernel: str
    values: Mapping[str, Float[Array, "heads"]]
    sums: HeadSums
    kinds: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class TextReading:
    """What one text shows of all heads.

    Attributes:
        layers: by the name of the module, the number of its call, and its place among the modules
            of the model.
        tokens: how many the model read.
        target_tokens: how many its decoder read; 0 without one.
        is_cut: whether the model wrote the target itself and did not come to an end.
        refusals: why a module could not be read exactly, by its name.
    """

    layers: Mapping[tuple[int, str, int], LayerReading]
    tokens: int
    target_tokens: int = 0
    is_cut: bool = False
    refusals: Mapping[str, str] = field(default_factory=dict)


def read_text(
    model: Model, text: str, target: str | None = None, layers: tuple[str, ...] = ()
) -> TextReading:
    """Let a model read one text, alone, and measure its heads.

    Args:
        model: to read with.
        text: for a model with two stacks that of the encoder.
        target: what the decoder of such a model reads; None lets the model write it, greedily.
        layers: which modules; none for all.

    Raises:
        TextError: the text is empty, too long, or the model's numbers are not finite; half a
            sentence that says "it" of the line.
        ConfigError: the model has no attention.
        CheckpointError: the model is to write a target, and lacks the weights.
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
    # One module may have several calls, and a text may have more of them than another.
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
    """Return a text as the model reads it, whole.

    Raises:
        TextError: there is nothing in it, or more than the model can read.
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
        # The positions of a target are no places in its source.
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
    """Return the means over the queries of one text: of ["batch heads query_len"]."""
    means: Array = numbers[0].detach().cpu().double().numpy().mean(-1)
    return means


def _without_numbers(why: str) -> str:
    """Return a reason without the numbers of one text, so that texts with the same are counted."""
    return re.sub(r"\d[\d,.]*\d|\d", "#", why)
