"""One attention head, extracted from a trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from clearhead.errors import ConfigError
from clearhead.reference.tracing.step import Step
from clearhead.reference.tracing.steps import attention as steps
from clearhead.reference.tracing.trace import Trace
from clearhead.shapes import Array
from clearhead.translation.attention_paths import PARTS

STEPS = (
    steps.QUERY,
    steps.KEY,
    steps.VALUE,
    steps.SCORES,
    steps.SCALED,
    steps.MASKED,
    steps.WEIGHTS,
    steps.CONTRIBUTIONS,
    steps.OUTPUT,
)


@dataclass(frozen=True)
class Head:
    """The steps of one head for one sentence.

    Attributes:
        path: of its attention, such as ``decoder.layers.1.cross_attention``.
        number: the number of the head.
        queries, keys: the tokens of the rows and of the columns.
        steps: the step that each array comes from, by name.
        values: the head's part of each step, by name: query, key, value Float["length head_dim"];
            scores, scaled, masked, weights Float["query_len key_len"] (and bias, if positions add
            one); contributions Float["query_len key_len value_dim"]; output
            Float["query_len value_dim"].
    """

    path: str
    number: int
    queries: Sequence[str]
    keys: Sequence[str]
    steps: dict[str, Step] = field(default_factory=dict)
    values: dict[str, Array] = field(default_factory=dict)

    @property
    def masked(self) -> Array:
        """Bool["query_len key_len"]: True where the mask forbids attention."""
        return np.isneginf(self.values["masked"])


def head_of(
    trace: Trace, part: str, layer: int, number: int, source: Sequence[str], target: Sequence[str]
) -> Head:
    """Return the steps of one head of the first sentence of a traced forward pass.

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
    head_steps = {kind.name: trace[f"{path}.{kind.name}"] for kind in STEPS}
    # Several query heads may share one head of keys and values.
    values = {
        name: step.value[0, number * step.shape[1] // heads] for name, step in head_steps.items()
    }
    if f"{path}.capped" in trace:
        head_steps["capped"] = trace[f"{path}.capped"]
        values["capped"] = head_steps["capped"].value[0, number]
    if f"{path}.bias" in trace:
        bias = head_steps["bias"] = trace[f"{path}.bias"]
        values["bias"] = np.broadcast_to(bias.value, trace[f"{path}.scores"].shape)[0, number]
    return Head(
        path,
        number,
        queries=source if part == "encoder" else target,
        keys=target if part == "decoder" else source,
        steps=head_steps,
        values=values,
    )


def _out_of_range(option: str, value: int, count: int, where: str) -> str:
    if not count:
        return f"--{option} {value} was asked for, and {where} has none."
    return f"--{option} must be between 0 and {count - 1} in {where}; it is {value}."
