"""Matrices as text: labelled with tokens, columns aligned, and weights as a heat map.

The scale of a heat map is fixed at 0 to 1, so that two maps can be compared. Colour is behind the
numbers, never in place of them, and masked cells are hatched, because "may not attend" differs
from "attends with weight 0".
"""

from __future__ import annotations

import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

import numpy as np

from ...shapes import Array

# xterm's 256 colours, from light to dark; black text on the lighter ones, white on the darkest.
RAMP = (231, 195, 153, 117, 75, 69, 33, 26, 25, 18)
DARK_FROM = 7
SHADES = " ░▒▓█"
HATCH = "///"
LABEL_MOST = 14


@dataclass(frozen=True)
class Paper:
    """An output medium: its width in columns, and whether it supports colour and Unicode."""

    width: int = 80
    colour: bool = False
    unicode: bool = True

    @classmethod
    def of(cls, stream: TextIO | None = None) -> Paper:
        """Return the paper for a stream, coloured if the terminal supports it (no-color.org)."""
        stream = stream or sys.stdout
        terminal = stream.isatty()
        allows_colour = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        return cls(
            width=max(40, shutil.get_terminal_size((100, 24)).columns),
            colour=terminal and allows_colour,
            unicode=(stream.encoding or "").lower().replace("-", "").startswith("utf"),
        )


def width_of(text: str) -> int:
    """Return the number of terminal columns of a text: wide letters take two, accents none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Return a text in exactly ``width`` columns: cut with an ellipsis, or padded with spaces."""
    if width_of(text) > width:
        while text and width_of(text) > width - 1:
            text = text[:-1]
        text += "…"
    space = " " * (width - width_of(text))
    return space + text if right else text + space


def number_format(values: Array, digits: int = 4) -> str:
    """Return a format that shows the largest finite value with about `digits` digits."""
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size else 0.0
    whole = len(str(int(largest)))
    return f"{{:.{max(0, min(digits - whole, 3))}f}}"


def cells_of(values: Array, *, pattern: str | None = None, masked: Array | None = None) -> Array:
    """Return the numbers of a matrix as text in one format; masked cells are hatched.

    Args:
        values: Float["rows columns"].
        pattern: a format such as ``"{:.2f}"``; None chooses one that suits the numbers.
        masked: Bool["rows columns"], True where a mask forbids attention.
    """
    pattern = pattern or number_format(values)
    text = np.empty(values.shape, dtype=object)
    for place, value in np.ndenumerate(values):
        hidden = masked is not None and bool(masked[place])
        # NaN marks a cell without a number.
        number = "" if np.isnan(value) else pattern.format(value)
        text[place] = HATCH if hidden else _without_minus_zero(number)
    return text


def _without_minus_zero(number: str) -> str:
    return number.lstrip("-") if number.strip("-0.") == "" else number


def draw_matrix(
    values: Array,
    rows: Sequence[str],
    columns: Sequence[str],
    paper: Paper,
    *,
    pattern: str | None = None,
    masked: Array | None = None,
    heat: bool = False,
) -> str:
    """Return a labelled matrix as lines of text, in blocks of columns that fit the paper.

    Args:
        values: Float["rows columns"].
        rows, columns: the labels.
        paper: the paper to draw on.
        pattern: the format of a number; None chooses one.
        masked: Bool["rows columns"], True where a cell is hatched instead of shown.
        heat: whether cells are tinted by their value, on a scale from 0 to 1.
    """
    cells = cells_of(values, pattern=pattern, masked=masked)
    label = min(LABEL_MOST, max((width_of(row) for row in rows), default=0))
    numbers = max((len(cell) for cell in cells.flat), default=1)
    names = max((width_of(column) for column in columns), default=1)
    tints = np.full(values.shape, np.nan)
    if heat:
        tints = np.clip(values, 0.0, 1.0).astype(float)
        tints[cells == HATCH] = np.nan
    width = max(numbers + heat, min(names, 8)) + 1
    per_block = max(1, (paper.width - label - 2) // width)
    blocks = []
    for start in range(0, len(columns), per_block):
        span = range(start, min(start + per_block, len(columns)))
        head = "".join(" " + fit(columns[j], width - 1, right=True) for j in span)
        lines = [" " * (label + 2) + head]
        for i, row in enumerate(rows):
            numbers_of_row = "".join(
                heated(fit(cells[i, j], width, right=True), tints[i, j], paper) for j in span
            )
            lines.append(f"{fit(row, label)}  {numbers_of_row}".rstrip())
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def heated(cell: str, level: float, paper: Paper) -> str:
    """Return a cell of fixed width, tinted by a level from 0 to 1; not tinted if it is NaN."""
    if not np.isfinite(level):
        return cell
    if paper.colour:
        step = min(int(level * len(RAMP)), len(RAMP) - 1)
        ink = 231 if step >= DARK_FROM else 16
        return f"\x1b[48;5;{RAMP[step]}m\x1b[38;5;{ink}m{cell}\x1b[0m"
    if paper.unicode:
        shade = SHADES[min(int(level * len(SHADES)), len(SHADES) - 1)]
        number = cell.lstrip()
        return cell[: len(cell) - len(number) - 1] + shade + number
    return cell
