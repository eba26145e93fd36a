"""Pictures of numbers with named axes: coloured cells, and lines along the layers of a model."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import ConfigError
from ..maps.pictures.layer_grid import short_names
from ..maps.pictures.panels import (
    Axis,
    Panel,
    Scale,
    check_target,
    colour_bar,
    draw,
    finish,
    label_of,
    new_figure,
    score_scale,
)
from ..shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL_WIDTH, CELL_HEIGHT, LINES_HEIGHT = 0.42, 0.3, 2.6  # inches
LEAST_WIDTH, LEAST_HEIGHT = 4.6, 0.6
MOST_WIDTH, MOST_HEIGHT = 16.0, 12.0
MOST_NUMBERS = 24, 48  # columns and rows with room for numbers in the cells
LETTERS = 48, 28  # of the name of a row, and of a column
MARK = "#b3261e"
_NUMBER = re.compile(r"(?<![^.])\d+(?![^.])")  # a part of a module's name


class NumbersWithAxes(Protocol):
    """Numbers with named axes, as `NamedValues` are."""

    @property
    def measure(self) -> str:
        """What the numbers are."""

    @property
    def values(self) -> Array:
        """The numbers; NaN where there is nothing."""

    @property
    def axes(self) -> Mapping[str, tuple[str, ...]]:
        """For each axis in order, its name and those of its entries."""


@dataclass(frozen=True)
class Drawing:
    """Numbers to draw, and what is shown of them.

    Attributes:
        part: the numbers, with one axis or two.
        title: written above them.
        numbers: whether those that are not near 0 are written into their cells.
        frames: how many of the largest have a frame.
        marks: names of columns that are written in another colour.
        levels: heights of dashed lines, with what they stand for.
    """

    part: NumbersWithAxes
    title: str = ""
    numbers: bool = False
    frames: int = 0
    marks: Sequence[str] = ()
    levels: Mapping[float, str] = field(default_factory=lambda: {0.0: ""})

    @property
    def is_lines(self) -> bool:
        """Whether lines are drawn: of numbers by module alone."""
        return tuple(self.part.axes) == ("module",) and len(self.part.axes["module"]) > 1

    @property
    def side(self) -> tuple[float, float]:
        """The inches of the panel."""
        if self.is_lines:
            width = 0.35 * max(map(len, kinds_of(self.part.axes["module"]).values()))
            return min(max(width, LEAST_WIDTH), MOST_WIDTH), LINES_HEIGHT
        rows, columns = np.atleast_2d(self.part.values).shape
        cell = CELL_WIDTH if columns <= MOST_NUMBERS[0] else CELL_WIDTH / 2
        return (
            min(max(columns * cell, LEAST_WIDTH), MOST_WIDTH),
            min(max(rows * CELL_HEIGHT, LEAST_HEIGHT), MOST_HEIGHT),
        )


def draw_named(
    drawings: Sequence[Drawing], *, title: str, save: str | Path | None = None
) -> Figure:
    """Draw numbers with one axis or two, a panel for each.

    Those by module alone are lines along the layers, one for each kind of module; all others are
    cells with colours centred on 0.

    Args:
        drawings: from top to bottom.
        title: of the whole picture; it may have several lines.
        save: a .png or .svg file to write as well.

    Returns:
        matplotlib's Figure.

    Raises:
        ConfigError: there are more than two axes.
        MissingExtraError: matplotlib is not installed.
    """
    check_target(save)
    for one in drawings:
        if one.part.values.ndim > 2:
            raise ConfigError(
                f"A picture has two axes; these are {', '.join(one.part.axes)}. Sum over some, "
                "or take a part: at(...)."
            )
    sides = [one.side for one in drawings]
    width = max(side[0] for side in sides) + 2.6
    lines = [part for line in title.split("\n") for part in textwrap.wrap(line, int(11 * width))]
    height = sum(side[1] + 1.3 for side in sides) + 0.2 * len(lines)
    figure = new_figure(width, height, "\n".join(lines))
    panels = figure.subplots(
        len(drawings), 1, squeeze=False, height_ratios=[side[1] for side in sides]
    )
    for axes, one in zip(panels[:, 0], drawings, strict=True):
        axes.set_title(one.title, fontsize=9)
        if one.is_lines:
            _draw_lines(axes, one)
        else:
            _draw_cells(figure, axes, one)
    return finish(figure, save)


def _draw_cells(figure: Any, axes: Any, drawing: Drawing) -> None:
    part = drawing.part
    values = np.atleast_2d(part.values)
    names = tuple(part.axes) if part.values.ndim == 2 else ("", *part.axes)
    labels = [list(entries) for entries in part.axes.values()]
    labels = labels if part.values.ndim == 2 else [[""], *labels]
    if len(labels[0]) > 1:
        labels[0] = short_names(labels[0])
    rows, columns = (
        Axis(name, len(texts), labels=texts, most=most)
        for name, texts, most in zip(names, labels, LETTERS, strict=True)
    )
    scale = score_scale([values], part.measure)
    panel = Panel(values, ~np.isfinite(values), rows, columns, title=drawing.title)
    colour_bar(figure, draw(axes, panel, scale, drawing.side), axes, scale)
    if all(text.isdigit() for text in labels[1]):
        axes.tick_params(axis="x", labelrotation=0)
    if drawing.numbers and all(a <= b for a, b in zip(values.T.shape, MOST_NUMBERS, strict=True)):
        _write_numbers(axes, values, scale)
    _frame_largest(axes, values, drawing.frames)
    marks = {label_of(mark, LETTERS[1]) for mark in drawing.marks}
    for label in axes.get_xticklabels():
        if label.get_text() in marks:
            label.set(color=MARK, fontweight="bold")


def _write_numbers(axes: Any, values: Array, scale: Scale) -> None:
    """Write the numbers that are not near 0 into their cells, with two digits."""
    for row, column in zip(*np.nonzero(np.abs(np.nan_to_num(values)) >= 0.05), strict=True):
        number = float(values[row, column])
        text = f"{number:.2f}".replace("0.", ".", 1) if abs(number) < 0.995 else f"{number:.2f}"
        axes.text(
            column, row, text.replace("-", "\N{MINUS SIGN}"), ha="center", va="center", fontsize=7,
            color="white" if abs(number) > 0.6 * scale.high else "0.15",
        )  # fmt: skip


def _frame_largest(axes: Any, values: Array, count: int) -> None:
    """Draw frames around the largest numbers above 0."""
    from matplotlib.patches import Rectangle

    flat = np.nan_to_num(values, nan=-np.inf).ravel()
    for place in np.argsort(-flat, kind="stable")[:count]:
        if flat[place] > 0:
            row, column = np.unravel_index(place, values.shape)
            corner = float(column) - 0.5, float(row) - 0.5
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=1.4))


def _draw_lines(axes: Any, drawing: Drawing) -> None:
    """Draw a line for each kind of module, along the layers."""
    part = drawing.part
    for kind, places in kinds_of(part.axes["module"]).items():
        axes.plot(
            [layer for layer, _ in places], part.values[[place for _, place in places]],
            marker="o", markersize=4, linewidth=1.4, label=kind,
        )  # fmt: skip
    for height, words in drawing.levels.items():
        axes.axhline(height, color="0.6", linewidth=0.8, linestyle="--")
        axes.annotate(
            words, (1, height), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=8, color="0.35",
        )  # fmt: skip
    axes.set_xlabel("layer", fontsize=8)
    axes.set_ylabel(part.measure, fontsize=8)
    axes.tick_params(labelsize=8, length=2)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="best", prop={"size": 8})


def kinds_of(names: Sequence[str]) -> dict[str, list[tuple[int, int]]]:
    """Return modules by their kind: what their names are without the number of the layer.

    Returns:
        for each kind the layers, with the place of each module among the names.
    """
    kinds: dict[str, list[tuple[int, int]]] = {}
    for place, name in enumerate(names):
        number = _NUMBER.search(name)
        own = kinds.setdefault(_NUMBER.sub("*", name, count=1), [])
        own.append((len(own) if number is None else int(number[0]), place))
    return kinds
