"""The picture of `clearhead patch`: a panel for each sweep, with the tokens that differ marked."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...maps.pictures.layer_grid import short_names
from ...maps.pictures.panels import (
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
from ...shapes import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...attribution.named_values import NamedValues

CELL_WIDTH, CELL_HEIGHT = 0.42, 0.3  # inches
LEAST_WIDTH, LEAST_HEIGHT = 4.6, 1.2
MOST_WIDTH, MOST_HEIGHT = 16.0, 12.0
MOST_NUMBERS = 24, 48  # columns and rows with room for numbers in the cells
FURTHEST = 3  # cells with a frame
MARK = "#b3261e"
SHARE = "share of the way"
TITLES = {
    "head": "each head, from the clean run",
    "position": "each output at one position, from the clean run",
    "module": "each whole output, from the clean run",
}


def draw_shares(
    shares: Sequence[NamedValues],
    *,
    title: str,
    marks: Sequence[str] = (),
    save: str | Path | None = None,
) -> Figure:
    """Draw shares of the way from a corrupted run to a clean one, a panel for each sweep.

    Shares by module and head or position are coloured cells; those that go furthest have a frame.
    Shares by module alone are lines, one for each kind of module.

    Args:
        shares: of each sweep, with one axis or two.
        title: of the whole picture.
        marks: names of positions that are written in another colour: where the texts differ.
        save: a .png or .svg file to write as well.

    Returns:
        matplotlib's Figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    check_target(save)
    sides = [_side(share) for share in shares]
    width = max(side[0] for side in sides) + 2.6
    lines = [
        one for line in title.split("\n") for one in textwrap.wrap(line, int(11 * width)) or [""]
    ]
    height = sum(side[1] + 1.3 for side in sides) + 0.2 * len(lines)
    figure = new_figure(width, height, "\n".join(lines))
    panels = figure.subplots(
        len(shares), 1, squeeze=False, height_ratios=[side[1] for side in sides]
    )[:, 0]
    for axes, share, side in zip(panels, shares, sides, strict=True):
        axes.set_title(TITLES[share.names[-1]], fontsize=9)
        if share.values.ndim == 1:
            _draw_lines(axes, share)
        else:
            _draw_cells(figure, axes, share, side, set(marks))
    return finish(figure, save)


def _side(share: NamedValues) -> tuple[float, float]:
    """Return the inches of a panel."""
    if share.values.ndim == 1:
        width = 0.35 * max(map(len, _kinds(share).values()))
        return min(max(width, LEAST_WIDTH), MOST_WIDTH), 2.6
    rows, columns = share.values.shape
    cell = CELL_WIDTH if columns <= MOST_NUMBERS[0] else CELL_WIDTH / 2
    return (
        min(max(columns * cell, LEAST_WIDTH), MOST_WIDTH),
        min(max(rows * CELL_HEIGHT, LEAST_HEIGHT), MOST_HEIGHT),
    )


def _draw_cells(
    figure: Any, axes: Any, share: NamedValues, side: tuple[float, float], marks: set[str]
) -> None:
    """Draw coloured cells, modules by heads or positions."""
    values = share.values
    scale = score_scale([values], SHARE)
    modules, entries = (list(names) for names in share.axes.values())
    modules = short_names(modules) if len(modules) > 1 else modules
    words = entries if share.names[1] == "position" else None
    panel = Panel(
        values,
        ~np.isfinite(values),
        Axis("layer", len(modules), labels=modules, most=48),
        Axis(share.names[1], len(entries), labels=words or entries, most=28),
        title=axes.get_title(),
    )
    image = draw(axes, panel, scale, side)
    colour_bar(figure, image, axes, scale)
    if len(entries) <= MOST_NUMBERS[0] and len(modules) <= MOST_NUMBERS[1]:
        _write_numbers(axes, values, scale)
    _frame_furthest(axes, values)
    for label in axes.get_xticklabels():
        if label.get_text() in {label_of(mark, 28) for mark in marks}:
            label.set(color=MARK, fontweight="bold")
    if words is None:
        axes.tick_params(axis="x", labelrotation=0)


def _write_numbers(axes: Any, values: Array, scale: Scale) -> None:
    """Write the shares that are not near 0 into their cells."""
    for row, column in zip(*np.nonzero(np.abs(np.nan_to_num(values)) >= 0.05), strict=True):
        share = float(values[row, column])
        axes.text(
            column, row, _brief(share), ha="center", va="center", fontsize=7,
            color="white" if abs(share) > 0.6 * scale.high else "0.15",
        )  # fmt: skip


def _brief(share: float) -> str:
    """Return a share with two digits, as a cell has room for it."""
    return f"{share:.2f}".replace("0.", ".", 1).replace("-", "\N{MINUS SIGN}")


def _frame_furthest(axes: Any, values: Array) -> None:
    """Draw frames around the cells that go furthest towards the clean run."""
    from matplotlib.patches import Rectangle

    flat = np.nan_to_num(values, nan=-np.inf).ravel()
    for place in np.argsort(-flat, kind="stable")[:FURTHEST]:
        if flat[place] > 0:
            row, column = np.unravel_index(place, values.shape)
            corner = float(column) - 0.5, float(row) - 0.5
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor="black", linewidth=1.4))


def _draw_lines(axes: Any, share: NamedValues) -> None:
    """Draw a line for each kind of module, along the layers."""
    for kind, places in _kinds(share).items():
        layers = [layer for layer, _ in places]
        axes.plot(
            layers, share.values[[place for _, place in places]], marker="o", markersize=4,
            linewidth=1.4, label=kind,
        )  # fmt: skip
    for height, words in ((0.0, "as corrupted"), (1.0, "as clean")):
        axes.axhline(height, color="0.6", linewidth=0.8, linestyle="--")
        axes.annotate(
            words, (1, height), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=8, color="0.35",
        )  # fmt: skip
    axes.set_xlabel("layer", fontsize=8)
    axes.set_ylabel(SHARE, fontsize=8)
    axes.tick_params(labelsize=8, length=2)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.margins(y=0.12)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="best", prop={"size": 8})


def _kinds(share: NamedValues) -> dict[str, list[tuple[int, int]]]:
    """Return the layers of each kind of module, and their places: names that differ in numbers."""
    kinds: dict[str, list[tuple[int, int]]] = {}
    for place, name in enumerate(share.axes["module"]):
        numbers = re.findall(r"(?<![^.])\d+(?![^.])", name)
        kind = re.sub(r"(?<![^.])\d+(?![^.])", "*", name, count=1)
        own = kinds.setdefault(kind, [])
        own.append((int(numbers[0]) if numbers else len(own), place))
    return kinds
