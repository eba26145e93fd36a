"""One attention head, cut out of a trace and told step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from clearhead.errors import ConfigError
from clearhead.reference.tracing.step import Step
from clearhead.reference.tracing.trace import Trace
from clearhead.translation.attention_paths import PARTS

Array = np.ndarray[Any, Any]

STEPS = (
    "query",
    "key",
    "value",
    "scores",
    "scaled",
    "masked",
    "weights",
    "contributions",
    "output",
)


@dataclass(frozen=True)
class Head:
    """The steps of one head for one sentence.

    Attributes:
        path: of its attention, such as ``decoder.layers.1.cross_attention``.
        number: which head it is.
        queries, keys: the tokens of the rows and of the columns.
        steps: name -> the step it comes from.
        values: name -> the head's part: query, key, value ["len head_dim"], scores, scaled,
            masked, weights ["query_len key_len"] (bias too, where positions add one),
            contributions ["query_len key_len value_dim"], output ["query_len value_dim"].
    """

    path: str
    number: int
    queries: Sequence[str]
    keys: Sequence[str]
    steps: dict[str, Step] = field(default_factory=dict)
    values: dict[str, Array] = field(default_factory=dict)

    @property
    def masked(self) -> Array:
        """Bool["query_len key_len"]: True where the mask forbids."""
        return np.isneginf(self.values["masked"])


def head_of(
    trace: Trace, part: str, layer: int, number: int, source: Sequence[str], target: Sequence[str]
) -> Head:
    """The steps of one head of the first sentence of a traced forward pass.

    Args:
        trace: of the pass; its steps have a batch axis.
        part: a key of `PARTS`.
        layer, number: counted from 0.
        source, target: tokens of the encoder's and of the decoder's input.

    Raises:
        ConfigError: there is no such layer or head; the message says how many there are.
    """
    path = PARTS[part].format(layer=layer)
    if f"{path}.weights" not in trace:
        layers = 0
        while f"{PARTS[part].format(layer=layers)}.weights" in trace:
            layers += 1
        raise ConfigError(_out_of_range("layer", layer, layers, f"the model's {part} part"))
    heads = trace[f"{path}.weights"].shape[1]
    if not 0 <= number < heads:
        raise ConfigError(_out_of_range("head", number, heads, path))
    found = {name: trace[f"{path}.{name}"] for name in STEPS}
    # Several query heads may share one head of keys and values.
    values = {name: s.value[0, number * s.shape[1] // heads] for name, s in found.items()}
    if f"{path}.bias" in trace:
        found["bias"] = trace[f"{path}.bias"]
        whole = np.broadcast_to(found["bias"].value, trace[f"{path}.scores"].shape)
        values["bias"] = whole[0, number]
    return Head(
        path,
        number,
        queries=source if part == "encoder" else target,
        keys=target if part == "decoder" else source,
        steps=found,
        values=values,
    )


def _out_of_range(what: str, asked: int, count: int, where: str) -> str:
    if not count:
        return f"--{what} {asked} was asked for, and {where} has none."
    return f"--{what} must be between 0 and {count - 1} in {where}; it is {asked}."
