"""The kinds of heads of a whole model, as a picture of layers by heads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigError
from .hatching import hatch
from .layer_grid import NAME_MOST, NUMBERED_HEADS, NUMBERED_LAYERS, short_names
from .panels import check_target, finish, label_of, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Table = Sequence[Sequence[str | None]]
"""A kind for each layer and head; None for a head of no kind, "" where a layer has fewer heads."""

# Colours that the colour-blind can tell apart (Wong 2011, Nature Methods 8, 441). Each kind also
# has a sign of two letters, so that no kind is told by colour alone.
SIGNS = {
    "previous": ("pr", "#0072B2"),
    "next": ("nx", "#56B4E9"),
    "same": ("sa", "#009E73"),
    "first": ("fi", "#999999"),
    "last": ("la", "#6B6B6B"),
    "duplicate": ("du", "#CC79A7"),
    "induction": ("in", "#D55E00"),
    "aligned": ("al", "#117733"),
    "local": ("lo", "#A6761D"),
    "broad": ("br", "#F0E442"),
    "mixed": ("", "#F4F4F4"),
}
DARK = {"previous", "same", "last", "induction", "aligned", "local"}
CELL = 0.3  # inches
DOT: dict[str, Any] = {
    "marker": "o",
    "markersize": 3.5,
    "color": "black",
    "markeredgecolor": "white",
}
LEGEND = 1.5


def plot_kinds(
    kinds: Mapping[str, Sequence[str | None]],
    *,
    copying: Collection[tuple[str, int]] = (),
    title: str = "",
    save: str | Path | None = None,
) -> Figure:
    """Draw the kind of every head: layers by heads, a colour and two letters for each kind.

    Args:
        kinds: by the name of the layer, a kind per head; a head of no kind (None) is hatched.
        copying: (layer, head) of each copying head, which gets a dot in a corner.
        title: above the picture.
        save: a .png or .svg file to write as well.

    Raises:
        ConfigError: there are no heads, or the file's name is neither .png nor .svg.
        MissingExtraError: matplotlib is not installed.
    """
    check_target(save)
    heads = max(map(len, kinds.values()), default=0)
    if not heads:
        raise ConfigError("A picture of kinds needs at least one head; none came.")
    table = [[*row, *[""] * (heads - len(row))] for row in kinds.values()]
    names = [label_of(name, NAME_MOST) for name in short_names(list(kinds))]
    has_signs = heads <= NUMBERED_HEADS and len(table) <= NUMBERED_LAYERS
    cell = CELL if has_signs else CELL / 2
    beside = LEGEND + 0.5 + 0.075 * max(map(len, names))
    figure = new_figure(max(heads * cell, 2.0) + beside, max(len(table) * cell, 1.8) + 1.0, title)
    axes = figure.subplots()
    _colour_cells(axes, table)
    if has_signs:
        _write_signs(axes, table)
    _mark_copying(axes, list(kinds), copying)
    _label_axes(axes, names, heads, step=1 if has_signs else -(-heads // 16))
    _add_legend(figure, Counter(kind for row in table for kind in row if kind), len(copying))
    return finish(figure, save)


def draw_kinds(axes: Axes, table: Table, names: Sequence[str], *, has_signs: bool) -> None:
    """Draw the kinds of heads into axes of a larger picture, layers by heads.

    Args:
        axes: to draw into.
        table: of which a row may be shorter than another.
        names: of the layers.
        has_signs: whether each cell has its two letters, and each head its number.
    """
    heads = max(map(len, table))
    whole = [[*row, *[""] * (heads - len(row))] for row in table]
    _colour_cells(axes, whole)
    if has_signs:
        _write_signs(axes, whole)
    _label_axes(axes, names, heads, step=1 if has_signs else -(-heads // 16))


def _colour_cells(axes: Axes, table: Table) -> None:
    """Fill each head's cell with the colour of its kind; hatch heads of no kind."""
    from matplotlib.colors import to_rgb

    colours = [[to_rgb(SIGNS[kind][1] if kind else "#FFFFFF") for kind in row] for row in table]
    axes.imshow(np.array(colours), aspect="auto", interpolation="nearest")
    hatch(axes, np.array([[kind is None for kind in row] for row in table]))


def _label_axes(axes: Axes, names: Sequence[str], heads: int, *, step: int) -> None:
    """Label rows by layer and every ``step`` columns by head, and draw lines between cells."""
    columns = range(0, heads, step)
    axes.set_xticks(columns, list(map(str, columns)), fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8, parse_math=False)
    axes.set_xticks(np.arange(heads - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1)
    axes.tick_params(which="both", length=0, pad=3)
    axes.set_xlabel("head", fontsize=8)
    axes.set_ylabel("layer", fontsize=8)
    for spine in axes.spines.values():
        spine.set(color="0.6", linewidth=0.6)


def _add_legend(figure: Figure, counts: Counter[str], copying: int) -> None:
    """Add a legend of colours and kinds, with the number of heads of each kind."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Patch(facecolor=colour, edgecolor="0.6", label=f"{kind}  {counts[kind]}", linewidth=0.6)
        for kind, (_, colour) in SIGNS.items()
        if counts[kind]
    ]
    if copying:
        handles.append(Line2D([], [], label=f"copies  {copying}", linestyle="", **DOT))
    if handles:
        figure.legend(
            handles=handles, loc="outside right upper", fontsize=8, frameon=False, title="kind",
            title_fontsize=8,
        )  # fmt: skip


def _mark_copying(axes: Axes, names: list[str], copying: Collection[tuple[str, int]]) -> None:
    if copying:
        rows = [names.index(name) - 0.34 for name, _ in copying]
        axes.plot([head + 0.34 for _, head in copying], rows, linestyle="", **DOT)


def _write_signs(axes: Axes, table: Table) -> None:
    for row, kinds in enumerate(table):
        for column, kind in enumerate(kinds):
            if kind:
                colour = "white" if kind in DARK else "black"
                sign = SIGNS[kind][0]
                axes.text(column, row, sign, ha="center", va="center", fontsize=7, color=colour)
