"""Matrices drawn as pictures: cells, hatched masks, axes with tokens or positions, colour scales.

It takes arrays; `plots` and `layer_grid` compute them. pyplot is not used, so figures need no
display and no closing; a notebook still shows them.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import ConfigError, require
from ...files import open_whole
from ...shapes import Array, Bool, Float
from .hatching import hatch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = (".png", ".svg")
DOTS = 150  # per inch, of a PNG
LABEL_MOST = 16  # characters of a label
NUMBERS_MOST = 16  # numbered ticks along a side, even where more would fit
NICE = (1, 2, 5)  # times a power of ten: the steps between ticks

# Fonts for characters that matplotlib's own font lacks, used where installed.
FALLBACKS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Zen Hei",
    "PingFang SC", "Hiragino Sans", "Microsoft YaHei", "Malgun Gothic", "Noto Sans Devanagari",
    "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Thai", "Arial Unicode MS",
)  # fmt: skip


@dataclass(frozen=True)
class Axis:
    """One side of a picture.

    Attributes:
        name: what is counted: ``"query"``, ``"key"``, ``"head"``.
        cells: how many cells there are.
        first: the position that the first cell begins at.
        positions: how many positions there are; more than cells if the map is pooled.
        labels: a text per position, if there are any.
        most: characters of a label that are shown.
    """

    name: str
    cells: int
    first: int = 0
    positions: int = 0
    labels: Sequence[str] | None = None
    most: int = LABEL_MOST

    @property
    def per_cell(self) -> float:
        """Positions in a cell."""
        return max(self.positions, self.cells) / self.cells

    def place(self, position: int) -> float:
        """Return where the middle of a position lies, in cells."""
        return (position - self.first + 0.5) / self.per_cell - 0.5

    def ticks(
        self, inches: float, points: float, *, upright: bool
    ) -> tuple[list[float], list[str]]:
        """Return as many labels as fit next to each other, and their places.

        Args:
            inches: length of the side.
            points: size of the letters.
            upright: labels are perpendicular to the axis (y, or x turned by 90 degrees), so that
                each takes the height of a line; otherwise they lie along it.
        """
        last = self.first + max(self.positions, self.cells)
        line = 1.3 * points / 72
        along = line if upright else (len(f"{last:,}") + 1.5) * 0.6 * points / 72
        words = self.labels is not None and self.per_cell == 1
        room = max(int(inches / along), 1)
        room = room if words else min(room, NUMBERS_MOST)
        step = _nice_step((last - self.first) / room)
        begin = -(-self.first // step) * step
        positions = range(begin, last, step)
        return [self.place(p) for p in positions], [self._text(p, step) for p in positions]

    def _text(self, position: int, step: int) -> str:
        if self.labels is None or self.per_cell > 1:
            return f"{position:,}"
        token = label_of(self.labels[position], self.most)
        return token if step == 1 else f"{token}  {position:,}"


@dataclass(frozen=True)
class Scale:
    """What the colours mean.

    Attributes:
        name: written beside the colour bar.
        colours: matplotlib's name of a colour map.
        low, high: the values at its ends.
        root: colours are proportional to the square root of the value, so that small shares stay
            visible.
    """

    name: str
    colours: str
    low: float
    high: float
    root: bool = False

    def norm(self) -> Any:
        """Return the scale as a matplotlib norm."""
        from matplotlib.colors import Normalize, PowerNorm

        if self.root:
            return PowerNorm(0.5, self.low, self.high)
        return Normalize(self.low, self.high)


@dataclass(frozen=True)
class Panel:
    """A matrix to draw.

    Attributes:
        values: the numbers of the cells.
        masked: True for masked cells, which are hatched.
        rows, columns: its sides.
        title: written above it.
        notes: texts in the cells, or None.
    """

    values: Float[Array, "rows columns"]
    masked: Bool[Array, "rows columns"]
    rows: Axis
    columns: Axis
    title: str = ""
    notes: Sequence[Sequence[str]] | None = field(default=None)


def weight_scale(name: str = "attention weight", *, root: bool = False) -> Scale:
    """Return a scale from 0 to 1 for any map, so that pictures can be compared."""
    return Scale(name + (" (colours by its square root)" if root else ""), "Blues", 0.0, 1.0, root)


def score_scale(values: Sequence[Array], name: str = "score") -> Scale:
    """Return a scale symmetric around 0, so that 0 has the neutral colour."""
    limit = max((float(np.abs(v[np.isfinite(v)]).max(initial=0.0)) for v in values), default=0.0)
    return Scale(name, "RdBu_r", -(limit or 1.0), limit or 1.0)


def check_target(save: str | Path | None) -> None:
    """Check that a picture can be drawn and written, before the work.

    Raises:
        ConfigError: the file's name does not end in .png or .svg.
        MissingExtraError: matplotlib is not installed.
    """
    if save is not None and Path(save).suffix.lower() not in KINDS:
        raise ConfigError(f"Pictures are {' or '.join(KINDS)} files; {str(save)!r} is neither.")
    require("matplotlib", extra="plots", purpose="Drawing a picture")


def new_figure(width: float, height: float, title: str, note: str = "") -> Figure:
    """Make an empty figure, in inches, that a notebook shows without pyplot."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=11)
    if note:
        figure.supxlabel(note, fontsize=8, color="0.35")
    # IPython asks an object for its picture; matplotlib's figures answer only if pyplot is loaded.
    vars(figure)["_repr_png_"] = functools.partial(_png, figure)
    return figure


def finish(figure: Figure, save: str | Path | None) -> Figure:
    """Write the figure to a file, if there is one to save it to, and return it."""
    if save is not None:
        with open_whole(save) as file:
            figure.savefig(file, format=Path(save).suffix[1:].lower(), dpi=DOTS)
    return figure


def draw(
    axes: Any, panel: Panel, scale: Scale, inches: tuple[float, float], points: float = 8.0
) -> Any:
    """Draw a matrix into matplotlib's axes, and return the image that a colour bar needs.

    Args:
        axes: to draw into.
        panel: what to draw.
        scale: its colours.
        inches: width and height that the axes will have, to know how many labels fit.
        points: size of the letters.
    """
    values = np.ma.masked_array(panel.values, mask=panel.masked)
    image = axes.imshow(
        values,
        cmap=scale.colours,
        norm=scale.norm(),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set_title(panel.title, fontsize=points + 1)
    _label(axes.xaxis, panel.columns, inches[0], points)
    _label(axes.yaxis, panel.rows, inches[1], points)
    axes.tick_params(length=2, pad=2)
    for spine in axes.spines.values():
        spine.set(color="0.6", linewidth=0.6)
    hatch(axes, panel.masked)
    if panel.notes is not None:
        _write_notes(axes, panel, scale, points)
    return image


def colour_bar(figure: Figure, image: Any, axes: Any, scale: Scale, points: float = 8.0) -> None:
    """Draw a colour bar beside the axes."""
    bar = figure.colorbar(image, ax=axes, fraction=0.06, pad=0.02, aspect=24)
    bar.set_label(scale.name, fontsize=points)
    if scale.root:
        values = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 1)
        bar.set_ticks(values, labels=[f"{v:g}" for v in values])
    bar.ax.tick_params(labelsize=points)
    bar.outline.set(edgecolor="0.6", linewidth=0.6)


def label_of(token: str, most: int = LABEL_MOST) -> str:
    """Return a token as a label: one line, not too long."""
    text = token.replace("\n", "↵").replace("\r", "↵").replace("\t", "⇥")
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()


def _nice_step(least: float) -> int:
    power = 1
    while True:
        for factor in NICE:
            if factor * power >= least:
                return factor * power
        power *= 10


def _label(axis: Any, side: Axis, inches: float, points: float) -> None:
    words = side.labels is not None and side.per_cell == 1
    across = axis.axis_name == "x"
    places, texts = side.ticks(inches, points, upright=words or not across)
    # In matplotlib, a $ would begin a formula.
    axis.set_ticks(places, texts, fontsize=points, fontfamily=_fonts(), parse_math=False)
    if words and across:
        axis.set_tick_params(labelrotation=90)
    axis.set_label_text(side.name, fontsize=points)


@functools.cache
def _fonts() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in FALLBACKS if name in installed))


def _write_notes(axes: Any, panel: Panel, scale: Scale, points: float) -> None:
    norm = scale.norm()
    for row, texts in enumerate(panel.notes or ()):
        for column, text in enumerate(texts):
            if not panel.masked[row, column]:
                dark = norm(panel.values[row, column]) > 0.55
                axes.text(
                    column, row, text, ha="center", va="center", fontsize=points - 1,
                    color="white" if dark else "black",
                )  # fmt: skip
