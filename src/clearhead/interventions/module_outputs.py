"""The output of a module: the tensor to edit, and the axis of its positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from ..errors import ConfigError


def first_tensor(output: Any, words: str) -> tuple[Tensor, Callable[[Tensor], Any]]:
    """Return the first tensor of a module's output, and a function that replaces it.

    Args:
        output: what the module returned: a tensor, or a tuple, list or mapping.
        words: the edit, for errors.

    Raises:
        ConfigError: there is no tensor of floating-point numbers in it.
    """
    if _is_numbers(output):
        return output, lambda x: x
    if isinstance(output, Mapping):
        for name, value in output.items():
            if _is_numbers(value):
                return value, partial(_mapping_with, output, name)
    elif isinstance(output, tuple | list):
        for place, value in enumerate(output):
            if _is_numbers(value):
                return value, partial(_sequence_with, output, place)
    raise ConfigError(
        f"{words}: the module returned {type(output).__name__}, in which there is no tensor of "
        "floating-point numbers to edit."
    )


def _is_numbers(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _mapping_with(output: Any, name: str, x: Tensor) -> Any:
    """Return a copy of a mapping with another tensor: a dictionary, or transformers' output."""
    values = {**output, name: x}
    return values if type(output) is dict else type(output)(**values)


def _sequence_with(output: Any, place: int, x: Tensor) -> Any:
    values = [x if i == place else value for i, value in enumerate(output)]
    if hasattr(output, "_fields"):  # a named tuple
        return type(output)(*values)
    return type(output)(values)


def length_axis(x: Tensor, around: list[nn.Module]) -> tuple[int | None, str]:
    """Return the axis of an output's positions.

    Args:
        x: the output.
        around: the module and those around it, the innermost first.

    Returns:
        The axis, or None and the reason why it is unknown.
    """
    if x.ndim == 2 and not _is_of_torch(around):
        return None, "a tensor of two axes may have texts or tokens on the first"
    if x.ndim == 2:
        return 0, ""
    if x.ndim != 3:
        return (
            None,
            f"the module's output has {x.ndim} axes, of which none is known to be positions",
        )
    return (1 if _is_batch_first(around) else 0), ""


def _is_of_torch(around: list[nn.Module]) -> bool:
    return any(_attention_in(module) is not None for module in around)


def _is_batch_first(around: list[nn.Module]) -> bool:
    """Return whether modules have the batch first, which is true but for some of PyTorch's own."""
    for module in around:
        attention = _attention_in(module)
        if attention is not None:
            return bool(attention.batch_first)
    return True


def _attention_in(module: nn.Module) -> nn.MultiheadAttention | None:
    return next((one for one in module.modules() if isinstance(one, nn.MultiheadAttention)), None)
