"""Several copies of a run side by side in one batch, each with an edit of its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from ..attribution.running import Inputs
from ..attribution.target import Target
from ..errors import ConfigError


def batch_of(inputs: Inputs) -> int:
    """Return the number of texts in inputs.

    Raises:
        ConfigError: there is no tensor among them whose first axis is that of texts.
    """
    tensors = [inputs] if isinstance(inputs, Tensor) else list(inputs.values())
    for x in tensors:
        if isinstance(x, Tensor) and x.ndim > 1:
            return len(x)
    raise ConfigError("The inputs hold no tensor with an axis for texts, such as input_ids.")


def repeated(inputs: Inputs, copies: int) -> Inputs:
    """Return inputs with so many copies of their texts, one after another."""
    batch = batch_of(inputs)
    if isinstance(inputs, Tensor):
        return repeat(inputs, batch, copies)
    return {
        name: repeat(x, batch, copies) if isinstance(x, Tensor) and x.ndim > 1 else x
        for name, x in inputs.items()
    }


def repeat(x: Tensor, batch: int, copies: int) -> Tensor:
    """Return copies of a tensor along its first axis, if that is the axis of texts."""
    if copies == 1 or x.ndim == 0 or len(x) != batch:
        return x
    return x.repeat(copies, *(1 for _ in x.shape[1:]))


def row_of(output: Any, row: int, batch: int, copies: int) -> Any:
    """Return what a model would have returned for one of the copies.

    Raises:
        ConfigError: the output is none of tensors, mappings and tuples.
    """

    def cut(x: Tensor) -> Tensor:
        if x.ndim and len(x) == batch * copies:
            return x[row * batch : (row + 1) * batch]
        return x

    return output if copies == 1 else mapped(output, cut)


def mapped(value: Any, function: Callable[[Tensor], Tensor]) -> Any:
    """Return tensors, and mappings and tuples of them, with a function applied to each tensor.

    Raises:
        ConfigError: something else that may hold tensors is among them.
    """
    if isinstance(value, Tensor):
        return function(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        items = {name: mapped(one, function) for name, one in value.items()}
        return items if type(value) is dict else type(value)(**items)
    if isinstance(value, tuple | list):
        parts = [mapped(one, function) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    raise ConfigError(
        f"The model returned a {type(value).__name__}, which cannot be divided by texts. Wrap the "
        "model so that it returns tensors, or sweep with batch_size=1."
    )


def without_surplus(model: nn.Module, inputs: Inputs, metric: object) -> Inputs:
    """Return inputs that ask a model for no cache, and for no logits that a metric does not read.

    Both are asked for by arguments of transformers' models, where these are there.
    """
    if isinstance(inputs, Tensor):
        return inputs
    names = inspect.signature(model.forward).parameters
    more: dict[str, Any] = {}
    if "use_cache" in names:
        more["use_cache"] = False
    if "logits_to_keep" in names and isinstance(metric, Target) and metric.position < 0:
        more["logits_to_keep"] = -metric.position
    return {**more, **inputs}
