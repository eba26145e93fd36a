"""Hatches the masked cells of a picture, so that they do not look like zeros.

All cells are drawn as one outline, because a patch per cell is slow and shows seams.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...shapes import Array, Bool


def hatch(axes: Any, masked: Bool[Array, "rows columns"]) -> None:
    """Hatch the cells that are True."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    boxes = boxes_of(masked)
    if not boxes:
        return
    corners = [
        [(first, top), (last, top), (last, bottom), (first, bottom), (first, top)]
        for top, bottom, first, last in boxes
    ]
    codes = [Outline.MOVETO, Outline.LINETO, Outline.LINETO, Outline.LINETO, Outline.CLOSEPOLY]
    outline = Outline(np.concatenate(corners) - 0.5, codes * len(boxes))
    axes.add_patch(
        PathPatch(
            outline, hatch="/////", facecolor="0.97", edgecolor="0.78", linewidth=0, zorder=0.5
        )
    )


def boxes_of(masked: Bool[Array, "rows columns"]) -> list[tuple[int, int, int, int]]:
    """Return rectangles (top, bottom, left, right) that cover the masked cells, each cell once."""
    boxes: list[tuple[int, int, int, int]] = []
    open_runs: dict[tuple[int, int], int] = {}
    for row in range(len(masked) + 1):
        edges = np.diff(np.concatenate([[0], masked[row], [0]])) if row < len(masked) else [0]
        runs = set(zip(np.flatnonzero(np.equal(edges, 1)).tolist(),
                       np.flatnonzero(np.equal(edges, -1)).tolist(), strict=True))  # fmt: skip
        for run in [run for run in open_runs if run not in runs]:
            boxes.append((open_runs.pop(run), row, *run))
        for run in runs - open_runs.keys():
            open_runs[run] = row
    return boxes
