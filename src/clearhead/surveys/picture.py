"""Draws a survey: kinds and measures of all heads, layers by heads, and their variation."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..shapes import Array, Float
from .stacks import stacks_of
from .statistics import HeadStatistics
from .tables import HeadRow, head_rows

MEASURES = {"entropy": "nats", "sink": "share", "distance": "tokens"}
MOST_NUMBERED_HEADS, MOST_NUMBERED_LAYERS = 16, 40  # the most that have room for numbers
NAME_MOST = 48  # characters of a layer's name


class _Grid(NamedTuple):
    """The common grid of the panels: a row for each layer, a column for each head."""

    names: list[str]
    heads: int
    rows: list[list[HeadRow]]
    has_numbers: bool
    inches: tuple[float, float]

    def table(self, number: Any) -> Float[Array, "layers heads"]:
        """Return an array of one number for each head; NaN where there is none."""
        values = np.full((len(self.rows), self.heads), np.nan)
        for place, row in enumerate(self.rows):
            values[place, : len(row)] = [number(head) for head in row]
        return values


def check_picture() -> None:
    """Check in advance that a picture can be drawn.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    from ..maps.pictures.panels import check_target

    check_target(None)


def draw_heads(statistics: HeadStatistics, kind: str) -> bytes:
    """Draw the heads of a survey, which must have some.

    The upper panels show the kind of each head over all texts, and the means of entropy, sink and
    distance. The lower panels show the share of texts in which a head is of its kind, and the
    standard deviations over texts.

    Args:
        statistics: over all texts.
        kind: ``png`` or ``svg``.

    Returns:
        The file's content, equal for equal statistics and the same version of matplotlib.
    """
    from ..maps.pictures.panels import DOTS, new_figure

    grid = _grid(statistics)
    width, height = grid.inches
    beside = 0.075 * min(max(map(len, grid.names)), NAME_MOST) + 1.6
    title = f"Heads over {statistics.texts:,} texts, {statistics.tokens:,} tokens"
    figure = new_figure(4 * (width + 0.95) + beside, 2 * (height + 0.75) + 0.5, title)
    axes = figure.subplots(2, 1 + len(MEASURES), sharex=True, sharey=True)
    _draw_kinds(figure, axes[0][0], grid)
    share = grid.table(lambda head: head.share)
    _draw(figure, axes[1][0], grid, share, "share of texts of this kind", "share", 1.0)
    for column, (measure, unit) in enumerate(MEASURES.items(), 1):
        means = grid.table(lambda head, name=measure: _number(head, name, "means"))
        variances = grid.table(lambda head, name=measure: _number(head, name, "variances"))
        most = 1.0 if measure == "sink" else None
        _draw(figure, axes[0][column], grid, means, f"{measure}, mean", unit, most)
        name = f"{measure}, standard deviation"
        _draw(figure, axes[1][column], grid, np.sqrt(variances), name, unit, None)
    for one in axes.flat:
        one.label_outer()
        one.tick_params(which="minor", length=0)
    buffer = io.BytesIO()
    # No date and no random ids: equal numbers give equal bytes.
    if kind == "svg":
        import matplotlib

        with matplotlib.rc_context({"svg.hashsalt": "clearhead"}):
            figure.savefig(buffer, format="svg", metadata={"Date": None})
    else:
        figure.savefig(buffer, format="png", dpi=DOTS)
    return buffer.getvalue()


def _grid(statistics: HeadStatistics) -> _Grid:
    from ..maps.pictures.layer_grid import short_names

    titles = [layer.title for stack in stacks_of(statistics) for layer in stack.layers]
    by_layer: dict[str, list[HeadRow]] = {title: [] for title in titles}
    for row in head_rows(statistics):
        by_layer[row.layer.title].append(row)
    rows = list(by_layer.values())
    heads = max(map(len, rows))
    has_numbers = heads <= MOST_NUMBERED_HEADS and len(rows) <= MOST_NUMBERED_LAYERS
    width = max(heads * (0.42 if has_numbers else 0.16), 2.4)
    height = max(len(rows) * (0.27 if has_numbers else 0.16), 1.6)
    return _Grid(short_names(titles), heads, rows, has_numbers, (width, height))


def _number(row: HeadRow, measure: str, what: str) -> float:
    one = row.layer.statistics.measures.get(measure)
    value = None if one is None else getattr(one, what)[row.head]
    return math.nan if value is None else value


def _draw(
    figure: Any, axes: Any, grid: _Grid, table: Array, title: str, unit: str, most: float | None
) -> None:
    """Draw one number for each head; heads without one are hatched."""
    from ..maps.pictures.panels import Axis, Panel, Scale, colour_bar, draw

    high = most or float(np.nanmax(table, initial=0.0)) or 1.0
    notes = [[f"{v:.2f}" if v < 10 else f"{v:,.0f}" for v in row] for row in table]
    panel = Panel(
        table,
        np.isnan(table),
        Axis("layer", len(grid.rows), labels=grid.names, most=NAME_MOST),
        Axis("head", grid.heads),
        title,
        notes if grid.has_numbers else None,
    )
    scale = Scale(unit, "Blues", 0.0, high)
    colour_bar(figure, draw(axes, panel, scale, grid.inches), axes, scale)


def _draw_kinds(figure: Any, axes: Any, grid: _Grid) -> None:
    """Draw the kind of each head over all texts as a colour and two letters, with a legend."""
    from matplotlib.patches import Patch

    from ..maps.pictures.kind_grid import SIGNS, draw_kinds

    kinds: list[Sequence[str | None]] = [[head.scored.kind for head in row] for row in grid.rows]
    draw_kinds(axes, kinds, grid.names, has_signs=grid.has_numbers)
    axes.set_title("kind over all texts", fontsize=9)
    counts = Counter(kind for row in kinds for kind in row if kind)
    patches = [
        Patch(facecolor=colour, edgecolor="0.6", label=f"{kind}  {counts[kind]}", linewidth=0.6)
        for kind, (_, colour) in SIGNS.items()
        if counts[kind]
    ]
    if patches:
        figure.legend(
            handles=patches, loc="outside lower center", fontsize=8, frameon=False, ncols=len(SIGNS)
        )
