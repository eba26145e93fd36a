"""Pictures of attention maps: one head, or all heads side by side.

Weights have a fixed scale from 0 to 1, so that pictures can be compared; scores have a sign, so
their scale is diverging and centred on 0. Masked cells are hatched, to tell them from zeros. A map
that is too long for a picture is pooled, and the picture says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import ConfigError
from ..storage.stored_attention import StoredAttention
from .cells import Cells, Quantity, Reduce, cells_of
from .layer_grid import plot_layers, plot_recording
from .panels import (
    Axis,
    Panel,
    Scale,
    check_target,
    colour_bar,
    draw,
    finish,
    new_figure,
    score_scale,
    weight_scale,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot", "plot_layers", "plot_recording"]

ALL = slice(None)
CELL = 0.26  # inches of a cell, where there are few
SMALLEST, LARGEST = 2.4, 8.2  # inches of the matrix of one head
SMALL = 1.9  # inches of each of many heads
ONE_HEAD_CELLS, MANY_HEADS_CELLS = 350, 140  # along a side
LINEAR_UP_TO = 32  # keys; beyond, weights are too small for proportional colours


def plot(
    attention_map: StoredAttention,
    head: int | None = None,
    *,
    batch: int = 0,
    quantity: Quantity = "weights",
    queries: slice = ALL,
    keys: slice = ALL,
    reduce: Reduce = "max",
    save: str | Path | None = None,
) -> Figure:
    """Draw one head of a map, or all heads side by side.

    Args:
        attention_map: whose weights.
        head: which head; None draws all (a map of one head: that one).
        batch: which sequence of the batch.
        quantity: ``"weights"``, with colours from 0 to 1, or ``"scores"``, centred on 0. Above 32
            keys colours are proportional to the square root of weights, and the picture says so.
        queries, keys: a window of the map, such as ``slice(100, 160)``.
        reduce: how a map of too many positions is pooled: ``"max"`` shows the largest weight of
            each cell, so that a thin line stays visible; ``"mean"`` the mean of what is not masked.
        save: a .png or .svg file to write as well.

    Returns:
        matplotlib's Figure. It needs no display and no ``pyplot.close``.

    Raises:
        ConfigError: a head, sequence, window, or choice that does not exist.
        MissingExtraError: matplotlib is not installed.
    """
    check_target(save)
    _check_index("batch", batch, attention_map.shape[0], "sequences")
    batch, count = batch % attention_map.shape[0], attention_map.shape[1]
    if head is None and count == 1:
        head = 0
    if head is not None:
        _check_index("head", head, count, "heads")
    heads = list(range(count)) if head is None else [head % count]
    cells = cells_of(
        attention_map, batch % attention_map.query.shape[0], heads, quantity=quantity,
        queries=queries, keys=keys, reduce=reduce,
        most=MANY_HEADS_CELLS if head is None else ONE_HEAD_CELLS,
    )  # fmt: skip
    draw_cells = _one_head if head is not None else _many_heads
    return finish(draw_cells(attention_map, cells, heads, batch, quantity, reduce), save)


def _one_head(
    attention_map: StoredAttention, cells: Cells, heads: Sequence[int], batch: int,
    quantity: Quantity, reduce: Reduce,
) -> Figure:  # fmt: skip
    rows, columns = _axes(attention_map, cells, batch)
    width, height = _side(columns.cells), _side(rows.cells)
    scale = _scale(cells, quantity)
    title = _title(attention_map, batch, heads[0])
    figure = new_figure(width + 2.2, height + 1.5, title, _note(cells, quantity, reduce))
    axes = figure.subplots()
    panel = Panel(cells.values[0], cells.masked[0], rows, columns)
    points = 8.0 if max(rows.cells, columns.cells) * 0.145 <= LARGEST else 7.0
    image = draw(axes, panel, scale, (width, height), points)
    colour_bar(figure, image, axes, scale)
    return figure


def _many_heads(
    attention_map: StoredAttention, cells: Cells, heads: Sequence[int], batch: int,
    quantity: Quantity, reduce: Reduce,
) -> Figure:  # fmt: skip
    rows, columns = _axes(attention_map, cells, batch)
    across = _columns_of_grid(len(heads))
    down = -(-len(heads) // across)
    scale = _scale(cells, quantity)
    figure = new_figure(
        across * (SMALL + 0.2) + 1.8, down * (SMALL + 0.35) + 1.2,
        _title(attention_map, batch, None), _note(cells, quantity, reduce),
    )  # fmt: skip
    grid = figure.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    image = None
    for index, axes in enumerate(grid.flat):
        if index >= len(heads):
            axes.set_visible(False)
            continue
        panel = Panel(
            cells.values[index], cells.masked[index], rows, columns, f"head {heads[index]}"
        )
        image = draw(axes, panel, scale, (SMALL, SMALL), points=6.5)
        axes.label_outer()
        if index + across >= len(heads):  # the last of its column: the last row may be short
            axes.tick_params(labelbottom=True)
            axes.set_xlabel(columns.name)
    colour_bar(figure, image, grid, scale)
    return figure


def _axes(attention_map: StoredAttention, cells: Cells, batch: int) -> tuple[Axis, Axis]:
    sides = []
    for name, window, count, labels in (
        ("query", cells.queries, cells.values.shape[1], attention_map.query_labels),
        ("key", cells.keys, cells.values.shape[2], attention_map.key_labels),
    ):
        tokens = None if labels is None else labels[batch]
        sides.append(Axis(name, count, window.start, len(window), tokens))
    return sides[0], sides[1]


def _scale(cells: Cells, quantity: Quantity) -> Scale:
    if quantity == "scores":
        return score_scale([cells.values[~cells.masked]])
    return weight_scale(root=len(cells.keys) > LINEAR_UP_TO)


def _side(cells: int) -> float:
    return min(max(cells * CELL, SMALLEST), LARGEST)


def _columns_of_grid(panels: int) -> int:
    """Return the number of columns: a wide grid, with full rows if possible."""
    if panels <= 4:
        return panels
    least = math.isqrt(panels - 1) + 1
    full = (n for n in range(least, min(least * 3 // 2, 8) + 1) if panels % n == 0)
    return next(full, min(least + 1, 8))


def _title(attention_map: StoredAttention, batch: int, head: int | None) -> str:
    sequences = attention_map.shape[0]
    parts = [attention_map.source.module] if attention_map.source.module else []
    if head is not None:
        parts.append(f"head {head}")
    if sequences > 1:
        parts.append(f"sequence {batch} of {sequences}")
    return ", ".join(parts)


def _note(cells: Cells, quantity: Quantity, reduce: Reduce) -> str:
    if not cells.pooled:
        return ""
    rows, columns = cells.values.shape[1:]
    of = {"max": "the largest", "mean": "the mean"}[reduce]
    return (
        f"{len(cells.queries):,} × {len(cells.keys):,} {quantity} in {rows} × {columns} cells; "
        f"each shows {of} of about {_share(len(cells.queries), rows)} × "
        f"{_share(len(cells.keys), columns)}"
    )


def _share(positions: int, cells: int) -> str:
    return f"{positions / cells:.1f}".removesuffix(".0")


def _check_index(name: str, index: int, count: int, what: str) -> None:
    if not -count <= index < count:
        raise ConfigError(
            f"{name} {index} does not exist: there are {count} {what}, 0 to {count - 1}."
        )
