"""The picture of one attention head: the scaled scores beside the weights.

Scores can be negative, so their colour scale is diverging and centred on 0; weights are shares, so
theirs is sequential and fixed at 0 to 1. Masked cells are hatched, since they are not zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clearhead.errors import ConfigError, require
from clearhead.files import open_whole
from clearhead.shapes import Array

from ._head import Head

KINDS = (".png", ".svg")
CELL, MARGIN = 0.42, 2.2  # inches


def check_plot(path: str | Path) -> None:
    """Check before the work that a picture can be drawn.

    Raises:
        ConfigError: the file's name does not end in .png or .svg.
        MissingExtraError: matplotlib is not installed.
    """
    if Path(path).suffix.lower() not in KINDS:
        raise ConfigError(f"--plot writes {' or '.join(KINDS)} files; {str(path)!r} is neither.")
    require("matplotlib", extra="plots", purpose="Drawing a picture")


def plot_head(head: Head, path: str | Path) -> None:
    """Draw a head's scaled scores and weights into a file.

    Args:
        head: the head to draw.
        path: of the file; its ending, .png or .svg, determines the format.
    """
    check_plot(path)
    from matplotlib.figure import Figure

    rows, columns = head.values["weights"].shape
    width = 2 * (columns * CELL + MARGIN)
    figure = Figure(figsize=(max(width, 7.0), max(rows * CELL + MARGIN, 3.0)), layout="constrained")
    figure.suptitle(f"{head.path}, head {head.number}")
    scores, weights = figure.subplots(1, 2)
    scaled = head.values["scaled"]
    limit = float(np.abs(scaled[~head.masked]).max(initial=0.0)) or 1.0
    _panel(scores, head, scaled, "scaled scores", "RdBu_r", (-limit, limit))
    _panel(weights, head, head.values["weights"], "weights", "Blues", (0.0, 1.0))
    with open_whole(path) as file:
        figure.savefig(file, format=Path(path).suffix[1:].lower(), dpi=150)


def _panel(
    axes: Any, head: Head, values: Array, title: str, colours: str, limits: tuple[float, float]
) -> None:
    cells = np.ma.masked_array(values, mask=head.masked)
    image = axes.imshow(cells, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="equal")
    axes.set_title(title)
    axes.set_xlabel("key")
    axes.set_ylabel("query")
    _label(axes.xaxis, head.keys, rotation=90)
    _label(axes.yaxis, head.queries, rotation=0)
    _hatch(axes, head.masked)
    axes.figure.colorbar(image, ax=axes, shrink=0.8)


def _label(axis: Any, tokens: Sequence[str], *, rotation: int) -> None:
    # matplotlib would read a $ as the beginning of a formula.
    axis.set_ticks(range(len(tokens)), [token.replace("$", r"\$") for token in tokens])
    axis.set_tick_params(labelrotation=rotation)


def _hatch(axes: Any, masked: Array) -> None:
    from matplotlib.patches import Rectangle

    for row, column in np.argwhere(masked):
        place = (column - 0.5, row - 0.5)
        axes.add_patch(
            Rectangle(place, 1, 1, hatch="////", fill=False, edgecolor="0.6", linewidth=0)
        )
