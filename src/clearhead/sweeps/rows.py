"""Several copies of a run side by side in one batch, each with an edit of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..attribution.running import Inputs
from ..attribution.target import Target
from ..errors import ConfigError

_OUTPUT = (
    "The model returned a {kind}, which cannot be divided by texts. Wrap the model so that it "
    "returns tensors, or sweep with batch_size=1."
)
_INPUT = (
    "The inputs hold a {kind}. A sweep runs a model many times with the same inputs, and repeats "
    "them side by side: give tensors, numbers and words, and no cache."
)


def batch_of(inputs: Inputs) -> int:
    """Return the number of texts in inputs.

    Raises:
        ConfigError: there is no tensor among them whose first axis is that of texts, or something
            that cannot be repeated.
    """
    for x in tensors_of(dict(_by_name(inputs)), _INPUT):
        if x.ndim > 1:
            return len(x)
    raise ConfigError(
        "The inputs hold no tensor with an axis for texts, such as input_ids [batch, length]."
    )


def repeated(inputs: Inputs, copies: int) -> Inputs:
    """Return inputs with a number of copies of their texts, one after another."""
    batch = batch_of(inputs)
    if isinstance(inputs, Tensor):
        return repeat(inputs, batch, copies)
    return {
        name: mapped(x, lambda one: repeat(one, batch, copies), _INPUT)
        for name, x in inputs.items()
    }


def beside(inputs: Inputs, others: Inputs) -> Inputs:
    """Return inputs with other texts after their own."""
    batch = batch_of(inputs)

    def joint(x: Any, other: Any) -> Any:
        if isinstance(x, Tensor) and x.ndim > 0 and len(x) == batch:
            return torch.cat([x, other.to(x)])
        return mapped(x, lambda one: repeat(one, batch, 2), _INPUT)

    if isinstance(inputs, Tensor):
        return joint(inputs, others if isinstance(others, Tensor) else others["input_ids"])
    by_name = _by_name(others)
    return {name: joint(x, by_name.get(name, x)) for name, x in inputs.items()}


def reversed_texts(inputs: Inputs) -> Inputs:
    """Return inputs whose texts run from the last token to the first."""

    def back(x: Tensor) -> Tensor:
        return x.flip(1) if x.ndim > 1 else x

    if isinstance(inputs, Tensor):
        return back(inputs)
    return {name: mapped(x, back, _INPUT) for name, x in inputs.items()}


def _by_name(inputs: Inputs) -> Mapping[str, Any]:
    return {"input_ids": inputs} if isinstance(inputs, Tensor) else inputs


def repeat(x: Tensor, batch: int, copies: int) -> Tensor:
    """Return copies of a tensor along its first axis, if that is the axis of texts."""
    if copies == 1 or x.ndim == 0 or len(x) != batch:
        return x
    return x.repeat(copies, *(1 for _ in x.shape[1:]))


def row_of(output: Any, row: int, batch: int, copies: int) -> Any:
    """Return the part of an output that belongs to one of the copies.

    Raises:
        ConfigError: the output is none of tensors, mappings and tuples, or has no axis of texts.
    """

    def is_of_texts(x: Tensor) -> bool:
        return x.ndim > 0 and len(x) == batch * copies

    if copies == 1:
        return output
    tensors = tensors_of(output)
    if not any(map(is_of_texts, tensors)):
        raise ConfigError(
            f"The model was run with {batch * copies} texts and returned nothing whose first axis "
            f"is theirs, but the shapes {[list(x.shape) for x in tensors]}. Sweep with "
            "batch_size=1."
        )
    own = slice(row * batch, (row + 1) * batch)
    return mapped(output, lambda x: x[own] if is_of_texts(x) else x)


def scale_of(output: Any) -> float:
    """Return the largest absolute value in an output."""
    numbers = [x.abs() for x in tensors_of(output) if x.is_floating_point() and x.numel()]
    return max((float(x.nan_to_num(0.0, 0.0, 0.0).max()) for x in numbers), default=0.0)


def tensors_of(value: Any, words: str = _OUTPUT) -> list[Tensor]:
    """Return all tensors in mappings and tuples.

    Raises:
        ConfigError: something else that may hold tensors is among them.
    """
    tensors: list[Tensor] = []

    def note(x: Tensor) -> Tensor:
        tensors.append(x)
        return x

    mapped(value, note, words)
    return tensors


def mapped(value: Any, function: Callable[[Tensor], Tensor], words: str = _OUTPUT) -> Any:
    """Return tensors, and mappings and tuples of them, with a function applied to each tensor.

    Args:
        value: the tensor, mapping or tuple.
        function: the function.
        words: of the error, with the kind of what is none of these.

    Raises:
        ConfigError: something else that may hold tensors is among them.
    """
    if isinstance(value, Tensor):
        return function(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        items = {name: mapped(one, function, words) for name, one in value.items()}
        return items if type(value) is dict else type(value)(**items)
    if isinstance(value, tuple | list):
        parts = [mapped(one, function, words) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    raise ConfigError(words.format(kind=type(value).__name__))


def without_surplus(model: nn.Module, inputs: Inputs, metric: object) -> Inputs:
    """Return inputs that request no cache, and no logits that a metric does not read.

    Models of transformers have arguments for both. If one is added to inputs that are a single
    tensor, they become a mapping, with the name of the model's first argument.
    """
    arguments = inspect.signature(model.forward).parameters
    more: dict[str, Any] = {}
    if "use_cache" in arguments:
        more["use_cache"] = False
    if "logits_to_keep" in arguments and isinstance(metric, Target) and metric.position < 0:
        more["logits_to_keep"] = -metric.position
    if not isinstance(inputs, Tensor):
        return {**more, **inputs}
    first = next(iter(arguments.values()), None)
    if not more or first is None or first.kind is not inspect.Parameter.POSITIONAL_OR_KEYWORD:
        return inputs
    return {**more, first.name: inputs}
