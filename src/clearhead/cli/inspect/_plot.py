"""The picture of an inspection: the measures of all layers and heads side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ._findings import MEASURES, StackFindings

SCALES: dict[str, tuple[str, float | None]] = {
    "entropy": ("entropy (nats)", None),
    "sink": ("weight on the first token", 1.0),
    "distance": ("distance (tokens)", None),
}
MOST_NUMBERED_HEADS, MOST_NUMBERED_LAYERS = 16, 48  # beyond these there is no room for numbers


def plot_stacks(stacks: Sequence[StackFindings], title: str, path: Path) -> None:
    """Draw entropy, sink and distance of every layer and head into a file.

    Args:
        stacks: the results of the inspection.
        title: the title of the picture.
        path: a .png or .svg file.
    """
    from ...maps.pictures.layer_grid import short_names
    from ...maps.pictures.panels import Axis, Panel, Scale, colour_bar, draw, finish, new_figure

    layers = [layer for stack in stacks for layer in stack.layers]
    names = short_names([
        layer.name if layer.call is None else f"{layer.name} call {layer.call}" for layer in layers
    ])  # fmt: skip
    heads = max(layer.shape[1] for layer in layers)
    with_numbers = heads <= MOST_NUMBERED_HEADS and len(layers) <= MOST_NUMBERED_LAYERS
    width, height = max(heads * (0.4 if with_numbers else 0.16), 2.2), max(len(layers) * 0.26, 1.2)
    beside = 0.07 * max(map(len, names)) + 0.6
    figure = new_figure(3 * (width + 1.0) + beside, height + 1.2, title)
    grid = figure.subplots(1, len(MEASURES), sharey=True)
    for axes, measure in zip(grid, MEASURES, strict=True):
        table = np.full((len(layers), heads), np.nan)
        for i, layer in enumerate(layers):
            if not (measure == "distance" and layer.kind == "cross"):
                table[i, : layer.shape[1]] = layer.values[measure]
        name, most = SCALES[measure]
        most = most or float(np.nanmax(table, initial=0.0)) or 1.0
        notes = [[f"{v:.2f}" if v < 10 else f"{v:,.0f}" for v in row] for row in table]
        panel = Panel(
            table,
            np.isnan(table),
            Axis("layer" if axes is grid[0] else "", len(layers), labels=names, most=48),
            Axis("head", heads),
            measure,
            notes if with_numbers else None,
        )
        scale = Scale(name, "Blues", 0.0, most)
        image = draw(axes, panel, scale, (width, height))
        axes.label_outer()
        colour_bar(figure, image, axes, scale)
    finish(figure, path)
