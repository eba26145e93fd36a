"""Numbers with named axes: what attributions return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConfigError, require
from ..shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame


@dataclass(frozen=True, eq=False)
class NamedValues:
    """An array with named axes, whose entries have names, too.

    Attributes:
        measure: what the numbers are.
        values: the numbers; NaN where there is nothing, as in a layer with fewer heads.
        axes: for each axis in order, its name and those of its entries.
        notes: remarks for a reader of the numbers.
        is_partition: whether the numbers are parts of a whole, so that their sum means something.
    """

    measure: str
    values: Array
    axes: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()
    is_partition: bool = True

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the axes."""
        return tuple(self.axes)

    @property
    def total(self) -> float:
        """The sum of all numbers."""
        return float(np.nansum(self.values))

    def sum_over(self, *axes: str) -> Array:
        """Return the sums over some axes, by their names.

        Raises:
            ConfigError: there is no such axis.
        """
        return np.nansum(self.values, axis=tuple(self._place(name) for name in axes))

    def at(self, **entries: str | int) -> Array:
        """Return a part of the array: ``at(module="decoder.layers.0", head=3)``.

        Args:
            entries: for some axes, the name or the index of an entry.

        Raises:
            ConfigError: there is no such axis or entry.
        """
        index: list[Any] = [slice(None)] * self.values.ndim
        for name, entry in entries.items():
            place = self._place(name)
            index[place] = entry if isinstance(entry, int) else self._entry(name, entry)
        return self.values[tuple(index)]

    def largest(self, count: int = 10) -> list[tuple[tuple[str, ...], float]]:
        """Return the numbers furthest from 0, with the names of their entries."""
        flat = np.nan_to_num(self.values).ravel()
        best = np.argsort(-np.abs(flat), kind="stable")[:count]
        labels = list(self.axes.values())
        results = []
        for place in best[flat[best] != 0]:
            index = np.unravel_index(place, self.values.shape)
            names = tuple(axis[i] for axis, i in zip(labels, index, strict=True))
            results.append((names, float(flat[place])))
        return results

    def to_dataframe(self) -> DataFrame:
        """Return a pandas table in long form: a column for each axis, and ``value``.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas = require("pandas", extra="frames", purpose="A table of attributions")
        index = np.indices(self.values.shape).reshape(self.values.ndim, -1)
        columns = {
            name: np.asarray(entries, dtype=object)[places]
            for (name, entries), places in zip(self.axes.items(), index, strict=True)
        }
        table = pandas.DataFrame({**columns, "value": self.values.ravel()})
        return table[~table["value"].isna()].reset_index(drop=True)

    def plot(self, *, title: str = "", save: str | Path | None = None) -> Figure:
        """Draw one or two axes as coloured cells, centred on 0; modules alone as lines.

        Raises:
            ConfigError: there are more than two axes.
            MissingExtraError: matplotlib is not installed.
        """
        from .picture import Drawing, draw_named

        return draw_named([Drawing(self)], title=title or self.measure, save=save)

    def __str__(self) -> str:
        sizes = ", ".join(f"{len(entries)} {name}" for name, entries in self.axes.items())
        total = f"; the sum is {self.total:+.6f}" if self.is_partition else ""
        lines = [f"{self.measure} ({sizes}){total}"]
        rows = self.largest()
        lines.extend(f"{value:+12.6f}  {'  '.join(names)}" for names, value in rows)
        rest = int(np.isfinite(self.values).sum()) - len(rows)
        lines.extend([f"{'':12s}  and {rest} more"] if rest > 0 else [])
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    __repr__ = __str__

    def _place(self, name: str) -> int:
        if name not in self.axes:
            raise ConfigError(f"There is no axis {name!r}; the axes are {', '.join(self.names)}.")
        return self.names.index(name)

    def _entry(self, name: str, entry: str) -> int:
        entries = self.axes[name]
        if entry not in entries:
            raise ConfigError(f"The axis {name!r} has no {entry!r}; it has {_few(entries)}.")
        return entries.index(entry)


def _few(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:6])) + (", ..." if len(names) > 6 else "")
