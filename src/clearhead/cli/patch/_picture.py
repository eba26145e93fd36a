"""The picture of `clearhead patch`: a panel for each sweep, with differing tokens marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...attribution.picture import Drawing, draw_named

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ...attribution.named_values import NamedValues

FURTHEST = 3  # cells with a frame, those with the largest shares
LEVELS = {0.0: "as corrupted", 1.0: "as clean"}
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
    """Draw the shares that sweeps restore between a corrupted and a clean run, in one panel each.

    Args:
        shares: of each sweep, with one axis or two.
        title: of the whole picture.
        marks: names of positions to write in another colour: those where the texts differ.
        save: a .png or .svg file to write as well.

    Returns:
        matplotlib's Figure.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    drawings = [
        Drawing(
            share,
            TITLES[share.names[-1]],
            numbers=True,
            frames=FURTHEST,
            marks=marks,
            levels=LEVELS,
        )
        for share in shares
    ]
    return draw_named(drawings, title=title, save=save)
