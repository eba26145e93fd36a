"""What attribution patching needs of a clean and a corrupted run."""

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
    """Check what attribution patching needs.

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
        clean, corrupted: what was noted in each.
        own: which of the two is of the run with gradients.
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
            watch: returns the context of a run, which gives what is noted in it.
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
    """Return vectors with rows before positions, where a module has both on one axis, or no rows.

    Args:
        x: [batch * length, d_model], [length, d_model], or what is returned as it is.
        batch, length: of the run.
    """
    if x.ndim == 2 and len(x) == batch * length:
        return x.unflatten(0, (batch, length))
    return x[None] if x.ndim == 2 and len(x) == length else x


def difference(name: str, clean: list[Tensor], corrupted: list[Tensor]) -> list[Tensor]:
    """Return clean less corrupted numbers of one place, call by call.

    Raises:
        ConfigError: it was passed a different number of times, or with other shapes.
    """
    shapes = [[tuple(x.shape) for x in each] for each in (clean, corrupted)]
    if shapes[0] != shapes[1]:
        raise ConfigError(
            f"{name!r} computed tensors of the shapes {shapes[0]} in the clean run and {shapes[1]} "
            "in the corrupted one, so they cannot be compared."
        )
    return [a - b for a, b in zip(clean, corrupted, strict=True)]
