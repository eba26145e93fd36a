"""The picture of a sweep: cells with frames and marks, lines for whole outputs."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from clearhead.attribution.named_values import NamedValues
from clearhead.cli.patch._picture import MARK, draw_shares

MODULES = ("h.0.attn", "h.1.attn", "h.0.mlp", "h.1.mlp")


def test_cells_have_frames_and_marks():
    values = np.array([[0.0, 0.9], [-0.4, np.nan]])
    heads = NamedValues("share", values, {"module": MODULES[:2], "head": ("0", "1")})
    words = ("0 the", "1 cat / dog")
    places = NamedValues("share", values.T, {"module": MODULES[:2], "position": words})
    figure = draw_shares([heads, places], title="A title", marks=words[1:])
    first, second = (axes for axes in figure.axes if axes.get_ylabel() == "layer")
    # One cell is above 0, and numbers stand where there is something to read.
    frames = [patch.get_xy() for patch in first.patches if not patch.get_fill()]
    assert (0.5, -0.5) in frames
    assert {text.get_text() for text in first.texts} == {".90", "\N{MINUS SIGN}.40"}
    colours = {label.get_text(): label.get_color() for label in second.get_xticklabels()}
    assert colours["1 cat / dog"] == MARK
    assert colours["0 the"] != MARK


def test_whole_outputs_are_lines_by_kind():
    share = NamedValues("share", np.array([0.1, 0.2, 0.3, 0.4]), {"module": MODULES})
    (axes,) = draw_shares([share], title="").axes
    lines = {line.get_label(): line for line in axes.lines if "*" in line.get_label()}
    assert list(lines) == ["h.*.attn", "h.*.mlp"]
    assert lines["h.*.mlp"].get_ydata().tolist() == [0.3, 0.4]
    assert lines["h.*.mlp"].get_xdata().tolist() == [0, 1]
