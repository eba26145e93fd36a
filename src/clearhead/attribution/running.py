"""Runs a model for an attribution, after checking that it can be attributed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import ConfigError, ShapeError
from ..maps.recording.notes import is_compiled

Inputs = Tensor | Mapping[str, Any]
"""What a model is called with: token ids, or its arguments by name."""


def run(model: nn.Module, inputs: Inputs) -> Any:
    """Return a model's output for inputs."""
    return model(**inputs) if isinstance(inputs, Mapping) else model(inputs)


def check_model(model: object, purpose: str) -> None:
    """Check that a model can be attributed.

    Raises:
        ConfigError: it is no module, applies dropout, is compiled, or runs in inference mode.
    """
    if not isinstance(model, nn.Module):
        raise ConfigError(
            f"{purpose} runs a torch.nn.Module; got {type(model).__name__}. For the models of "
            "clearhead.reference there is clearhead.lens."
        )
    if torch.is_inference_mode_enabled():
        raise ConfigError(
            f"{purpose} follows operators and gradients, which torch.inference_mode() switches "
            "off: leave it, or use torch.no_grad()."
        )
    if model.training:
        raise ConfigError(
            f"The model is in training mode, in which dropout changes its numbers at random. "
            f"{purpose} needs them as they are: call model.eval() first."
        )
    compiled = [name for name, module in model.named_modules() if is_compiled(module)]
    if compiled:
        raise ConfigError(
            f"{compiled[0] or 'The model'} is compiled, and what happens within a compiled graph "
            f"cannot be told apart. {purpose} needs the model as it was before torch.compile."
        )


def check_same_shapes(clean: Inputs, corrupted: Inputs) -> None:
    """Check that two inputs can be compared position by position.

    Raises:
        ShapeError: they do not have the same tensors, token counts or masks.
    """
    first, second = _tensors(clean), _tensors(corrupted)
    if first.keys() != second.keys():
        raise ShapeError(
            f"The clean run has the inputs {', '.join(first)}, the corrupted run "
            f"{', '.join(second)}; both need the same."
        )
    for name, x in first.items():
        other = second[name]
        if x.shape != other.shape:
            raise ShapeError(
                f"Clean and corrupted inputs are compared token by token, so they need as many: "
                f"{name} has the shape {list(x.shape)} in the clean run and {list(other.shape)} "
                "in the corrupted one. Change tokens without adding any."
            )
        if "mask" in name and not torch.equal(x, other.to(x.device)):
            raise ShapeError(
                f"{name} differs between the clean and the corrupted run, so a position is a "
                "token in one and padding in the other. Give pairs of equal token counts."
            )


def _tensors(inputs: Inputs) -> dict[str, Tensor]:
    if isinstance(inputs, Tensor):
        return {"input_ids": inputs}
    if not isinstance(inputs, Mapping):
        raise ConfigError(
            f"Inputs are a tensor of token ids, or the model's arguments by name; got "
            f"{type(inputs).__name__}."
        )
    return {name: x for name, x in inputs.items() if isinstance(x, Tensor)}


@contextmanager
def written_out() -> Iterator[None]:
    """Make PyTorch's encoder layers run as modules, not as one opaque operator."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
