"""One step of a computation: its value and its sources."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Step:
    """One named intermediate of a forward pass.

    Attributes:
        path: its place, such as ``decoder.layers.0.self_attention.weights``.
        value: the array, read-only, that later steps were computed from.
        axes: the name of each axis of ``value``; empty if they have no names.
        formula: how it was computed, in the field's notation, such as ``"softmax over keys"``.
        of: the paths of the steps that it was computed from.
        replaced: whether ``value`` is the result of a replacement.
    """

    path: str
    value: np.ndarray[Any, Any]
    axes: tuple[str, ...] = ()
    formula: str = ""
    of: tuple[str, ...] = ()
    replaced: bool = False

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition(".")[2]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return self.value.shape

    def __repr__(self) -> str:
        sizes = zip(self.axes, self.shape, strict=True) if self.axes else ()
        shape = ", ".join(f"{axis} {size}" for axis, size in sizes) or str(self.shape)
        source = f" of {', '.join(self.of)}" if self.of else ""
        mark = ", replaced" if self.replaced else ""
        return f"<Step {self.path} ({shape}) {self.value.dtype}: {self.formula}{source}{mark}>"


def table(steps: Iterable[Step]) -> str:
    """Return steps as aligned lines of text: path, shape, axes, formula."""
    rows = [
        (
            step.path,
            " x ".join(map(str, step.shape)) or "scalar",
            ", ".join(step.axes),
            step.formula + (" (replaced)" if step.replaced else ""),
        )
        for step in steps
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    return "\n".join(
        "  ".join(
            [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]
        ).rstrip()
        for row in rows
    )
