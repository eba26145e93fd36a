"""The two runs of attribution patching: clean and corrupted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ..running import Inputs, check_model, check_same_shapes, run
from ..target import Metric, value_of

Notes = TypeVar("Notes")
Side = Literal["clean", "corrupted"]
PURPOSE = "Attribution patching"


def check_pair(model: nn.Module, clean: Inputs, corrupted: Inputs, at: str) -> None:
    """Check that a model and its inputs can be used for attribution patching.

    Raises:
        ConfigError: the model cannot be attributed, or there is no such run.
        ShapeError: the runs do not have the same token counts.
    """
    check_model(model, PURPOSE)
    if at not in ("clean", "corrupted"):
        raise ConfigError(
            f"at is the run whose gradient is taken, 'clean' or 'corrupted'; got {at!r}."
        )
    check_same_shapes(clean, corrupted)


@dataclass(frozen=True, eq=False)
class PairRuns(Generic[Notes]):
    """A clean and a corrupted run, one of them with gradients.

    Attributes:
        clean, corrupted: the notes of each.
        own: the notes of the run with gradients.
        output: of that run.
        value: the metric of that run.
    """

    clean: Notes
    corrupted: Notes
    own: Notes
    output: Any
    value: Tensor

    @classmethod
    def of(
        cls,
        model: nn.Module,
        pair: tuple[Inputs, Inputs],
        metric: Metric,
        at: Side,
        watch: Callable[[], AbstractContextManager[Notes]],
    ) -> PairRuns[Notes]:
        """Run a model with both inputs.

        Args:
            model: the model.
            pair: the clean and the corrupted inputs.
            metric: of the output.
            at: the run that has gradients.
            watch: returns the context manager of a run, which gives its notes.
        """
        notes: list[Notes] = []
        outputs: list[Any] = []
        for inputs, side in zip(pair, ("clean", "corrupted"), strict=True):
            with torch.set_grad_enabled(side == at), watch() as own:
                output = run(model, inputs)
                if side == at:
                    value = value_of(metric, output)
            notes.append(own)
            outputs.append(output)
        clean, corrupted = notes
        place = 0 if at == "clean" else 1
        return cls(clean, corrupted, notes[place], outputs[place], value)


def by_rows(x: Tensor, batch: int, length: int) -> Tensor:
    """Return vectors as [batch, length, d_model], if a module has both on one axis, or no rows.

    Args:
        x: [batch * length, d_model], [length, d_model], or what is returned as it is.
        batch, length: of the run.
    """
    if x.ndim == 2 and len(x) == batch * length:
        return x.unflatten(0, (batch, length))
    return x[None] if x.ndim == 2 and len(x) == length else x


def difference(name: str, clean: list[Tensor], corrupted: list[Tensor]) -> list[Tensor]:
    """Return clean minus corrupted numbers at one place, call by call.

    Raises:
        ConfigError: the numbers of calls, or their shapes, differ.
    """
    shapes = [[tuple(x.shape) for x in each] for each in (clean, corrupted)]
    if shapes[0] != shapes[1]:
        raise ConfigError(
            f"{name!r} computed tensors of the shapes {shapes[0]} in the clean run and {shapes[1]} "
            "in the corrupted one, so they cannot be compared."
        )
    return [a - b for a, b in zip(clean, corrupted, strict=True)]
