"""The changes of an edit: each function makes one kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError
from ..maps.recording.recording import Recording
from .edits import Change, Place


def zero() -> Change:
    """Numbers become 0."""
    return lambda x, place: torch.zeros_like(x)


def scale(factor: float | Tensor) -> Change:
    """Numbers are multiplied by a factor."""
    return lambda x, place: x * factor


def apply(function: Callable[[Tensor], Tensor]) -> Change:
    """Numbers become what a function returns for them."""
    return lambda x, place: function(x)


def substitute(values: Any) -> Change:
    """Numbers become those of a tensor, which is repeated along axes where it has one entry."""

    def change(x: Tensor, place: Place) -> Tensor:
        new = torch.as_tensor(values, dtype=x.dtype, device=x.device)
        try:
            return new.expand(x.shape)
        except RuntimeError:
            raise ConfigError(
                f"A tensor of the shape {list(new.shape)} cannot take the place of the "
                f"{place.part} of {place.module!r}, which has the shape {list(x.shape)} here."
            ) from None

    return change


def mean_of(recording: Recording) -> Change:
    """Numbers become their mean over the texts and positions of a recording."""
    from .recorded import mean_of

    return mean_of(recording)


def patch_of(recording: Recording) -> Change:
    """Numbers become those that a recording has at the same positions."""
    from .recorded import patch_of

    return patch_of(recording)
