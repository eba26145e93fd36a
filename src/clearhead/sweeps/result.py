"""What a sweep returns: the effect of each edit, with names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..attribution.named_values import NamedValues
from ..errors import ConfigError
from ..shapes import Array
from .result_file import MEMBERS, read_result, write_result


@dataclass(frozen=True, eq=False)
class Sweep(NamedValues):
    """The effect of each edit alone: the metric with it minus the metric without.

    Attributes:
        before: the metric of the run that was edited, without any edit.
        target: the metric of the run that was patched from; None where nothing was patched.
        model: the class of the model.
        over: ``"heads"``, ``"layers"``, ``"positions"`` or ``"edges"``.
        edit: ``"zero"``, ``"mean"``, ``"patch"`` or ``"remove"`` (an edge).
        to: of path patching, the ``module``, ``part`` and ``head`` that paths lead to.
        tokens: names of positions, if known: of the ``"edited"`` run, of the ``"source"`` run that
            was patched from, and of the ``"decoder"``'s input.
    """

    before: float = 0.0
    target: float | None = None
    is_partition: bool = field(default=False)
    model: str = ""
    over: str = "heads"
    edit: str = "zero"
    to: Mapping[str, Any] | None = None
    tokens: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write the result to a JSON file, which `load` and the page of recordings read.

        Raises:
            OSError: the file cannot be written.
        """
        write_result(path, {name: getattr(self, name) for name in MEMBERS})

    @classmethod
    def load(cls, path: str | Path) -> Sweep:
        """Return the result in a file that `save` wrote.

        Raises:
            ConfigError: it cannot be read, or is no such file.
        """
        return cls(**read_result(path))

    @property
    def metrics(self) -> NamedValues:
        """The metric with each edit."""
        return self._with("metric with the edit", self.values + self.before)

    @property
    def relative(self) -> NamedValues:
        """The metric on a scale from 0, the edited run, to 1, the run that was patched from.

        Raises:
            ConfigError: nothing was patched, or both runs have the same metric.
        """
        if self.target is None:
            raise ConfigError(
                "A share of the way needs two runs; this sweep edited one. Give clean= and "
                "corrupted=."
            )
        way = self.target - self.before
        if way == 0.0 or not np.isfinite(way):
            raise ConfigError(
                f"Both runs have the metric {self.before:g}, so there is no way between them."
            )
        return self._with("share of the way", self.values / way)

    def _with(self, measure: str, values: Array) -> NamedValues:
        return NamedValues(measure, values, self.axes, self.notes, is_partition=False)

    def __str__(self) -> str:
        runs = f"before: {self.before:+.6f}"
        if self.target is not None:
            runs += f"; patched from a run with {self.target:+.6f}"
        first, *rest = super().__str__().split("\n")
        return "\n".join([first, runs, *rest])

    __repr__ = __str__
