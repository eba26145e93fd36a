"""A measure of a whole model, as a picture of layers by heads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from ...errors import ConfigError, TraceError
from ...shapes import Array, Float
from ..measures.base import Measure
from ..measures.per_position import Diagonal, Distance, Entropy, Sink, as_measure
from ..storage.collection import calls_of
from ..storage.stored_attention import StoredAttention
from ..storage.summary_map import SummaryMap
from .panels import Axis, Panel, Scale, check_target, colour_bar, draw, finish, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST_WIDTH, LEAST_HEIGHT = 2.4, 1.2  # inches of the matrix
NAME_MOST = 48  # characters of a layer's name
NUMBERED_HEADS, NUMBERED_LAYERS = 24, 48  # up to this many are numbered

# The label of the colour bar, and its limits where the measure has its own.
PER_QUERY: dict[type[Measure], tuple[str, tuple[float, float] | None]] = {
    Entropy: ("entropy (nats)", None),
    Distance: ("distance (tokens)", None),
    Sink: ("weight on the first keys (count {count})", (0.0, 1.0)),
    Diagonal: ("weight on key i {offset:+d}", (0.0, 1.0)),
}


def plot_recording(
    maps: Any,
    measure: Measure | str = "entropy",
    *,
    save: str | Path | None = None,
) -> Figure:
    """Draw a measure of every layer and head: its mean over the queries that attend to anything.

    Args:
        maps: a recording, or maps by the name of their layer. An attention that could not be read
            has a hatched row; a module that was called several times has a row for each call.
        measure: one with a number per query: ``"entropy"``, ``"distance"``, ``"sink"``,
            ``"diagonal"``, or such an object, ``Diagonal(-1)``.
        save: a .png or .svg file to write as well.

    Returns:
        matplotlib's Figure.

    Raises:
        ConfigError: there are no maps, or the measure has no number per query.
        MissingExtraError: matplotlib is not installed.
    """
    check_target(save)
    per_query = as_measure(measure)
    name, limits = PER_QUERY.get(type(per_query), ("", None))
    if not name:
        raise ConfigError(
            f"An overview needs a measure with a number per query (entropy, distance, sink, "
            f"diagonal); {measure!r} is none."
        )
    name = name.format(**vars(per_query))
    values: dict[str, Any] = {}
    for layer in maps.keys():  # noqa: SIM118 - a recording is no dictionary
        try:
            calls = calls_of(maps, layer)
        except TraceError:
            values[layer] = [math.nan]
            continue
        for number, attention_map in enumerate(calls):
            row = layer if len(calls) == 1 else f"{layer} call {number}"
            values[row] = per_head(attention_map, per_query)
    return plot_layers(values, name, limits=limits, title=getattr(maps, "model", ""), save=save)


def per_head(
    attention_map: StoredAttention | SummaryMap, measure: Measure
) -> Float[Tensor, "heads"]:
    """Return the mean over batch and queries of a measure with a number per query.

    Queries that may attend to nothing do not count; the mean over no query is NaN. If only
    summaries were kept, such queries cannot be told apart and count as 0.
    """
    values: Tensor = attention_map.measure(measure)[measure]
    is_summary = isinstance(attention_map, SummaryMap)
    mask = None if is_summary else attention_map.scoring.mask
    if mask is None:
        return values.mean((0, 2))
    sees = mask.sees().expand_as(values).to(values.dtype)
    return (values * sees).sum((0, 2)) / sees.sum((0, 2))


def plot_layers(
    values: Mapping[str, Tensor | Sequence[float]],
    measure: str,
    *,
    limits: tuple[float, float] | None = None,
    title: str = "",
    save: str | Path | None = None,
) -> Figure:
    """Draw one number per layer and head: the overview of a model.

    Args:
        values: by the name of the layer, a number per head; NaN where there is none.
        measure: what the numbers are, written beside the colour bar.
        limits: the ends of the colours; None takes 0 (or the least, if below) and the greatest.
        title: above the picture.
        save: a .png or .svg file to write as well.

    Returns:
        matplotlib's Figure.

    Raises:
        ConfigError: there are no values, or the file's name is neither .png nor .svg.
        MissingExtraError: matplotlib is not installed.
    """
    check_target(save)
    if not values:
        raise ConfigError("An overview needs the values of at least one layer; none came.")
    table = _table(values)
    low, high = limits or (min(float(np.nanmin(table)), 0.0), float(np.nanmax(table)))
    scale = Scale(measure, "Blues", low, high if high > low else low + 1.0)
    figure = _figure(table, short_names(list(values)), scale, title or "Layers by heads")
    return finish(figure, save)


def _figure(
    table: Float[Array, "layers heads"], names: list[str], scale: Scale, title: str
) -> Figure:
    """Draw the table, with its numbers where they fit."""
    layers, heads = table.shape
    rows = Axis("layer", layers, labels=names, most=NAME_MOST)
    columns = Axis("head", heads)
    has_numbers = heads <= NUMBERED_HEADS and layers <= NUMBERED_LAYERS
    numbers = [[f"{v:.2f}" if abs(v) < 10 else f"{v:,.0f}" for v in row] for row in table]
    width = max(heads * (0.42 if has_numbers else 0.2), LEAST_WIDTH)
    height = max(layers * 0.26, LEAST_HEIGHT)
    beside = 1.8 + 0.075 * min(max(map(len, names)), NAME_MOST)  # inches: names and colour bar
    figure = new_figure(width + beside, height + 1.3, title)
    axes = figure.subplots()
    masked = ~np.isfinite(table)
    panel = Panel(table, masked, rows, columns, notes=numbers if has_numbers else None)
    image = draw(axes, panel, scale, (width, height))
    colour_bar(figure, image, axes, scale)
    return figure


def short_names(names: Sequence[str]) -> list[str]:
    """Return names without the parts between dots that all share at the beginning and end."""
    parts = [name.split(".") for name in names]
    least = min(len(p) for p in parts) - 1
    front = next((i for i in range(least) if len({p[i] for p in parts}) > 1), least)
    back = next((i for i in range(least - front) if len({p[-1 - i] for p in parts}) > 1),
                least - front)  # fmt: skip
    return [".".join(p[front : len(p) - back]) for p in parts]


def _table(values: Mapping[str, Tensor | Sequence[float]]) -> Float[Array, "layers heads"]:
    """Return one row per layer, NaN where it has fewer heads than another."""
    rows = [np.asarray(v.detach().cpu() if isinstance(v, Tensor) else v, float).ravel()
            for v in values.values()]  # fmt: skip
    table = np.full((len(rows), max(len(row) for row in rows)), np.nan)
    for index, row in enumerate(rows):
        table[index, : len(row)] = row
    if not np.isfinite(table).any():
        raise ConfigError("An overview needs numbers; all values are NaN or infinite.")
    return table
