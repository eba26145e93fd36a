"""Pictures of numbers with named axes: cells with frames and marks, lines for modules alone."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from clearhead.attribution.named_values import NamedValues
from clearhead.attribution.picture import MARK, Drawing, draw_named, kinds_of

MODULES = ("h.0.attn", "h.1.attn", "h.0.mlp", "h.1.mlp")


def test_cells_have_frames_and_marks():
    values = np.array([[0.0, 0.9], [-0.4, np.nan]])
    heads = NamedValues("share", values, {"module": MODULES[:2], "head": ("0", "1")})
    words = ("0 the", "1 cat / dog")
    places = NamedValues("share", values.T, {"module": MODULES[:2], "position": words})
    drawings = [Drawing(heads, numbers=True, frames=3), Drawing(places, marks=words[1:])]
    figure = draw_named(drawings, title="A title")
    first, second = (axes for axes in figure.axes if axes.get_ylabel() == "module")
    # One cell is above 0, and numbers stand where there is something to read.
    frames = [patch.get_xy() for patch in first.patches if not patch.get_fill()]
    assert (0.5, -0.5) in frames
    assert {text.get_text() for text in first.texts} == {".90", "\N{MINUS SIGN}.40"}
    assert not second.texts
    colours = {label.get_text(): label.get_color() for label in second.get_xticklabels()}
    assert colours["1 cat / dog"] == MARK
    assert colours["0 the"] != MARK


def test_modules_alone_are_lines_by_kind():
    share = NamedValues("share", np.array([0.1, 0.2, 0.3, 0.4]), {"module": MODULES})
    (axes,) = draw_named([Drawing(share, levels={1.0: "whole"})], title="").axes
    lines = {line.get_label(): line for line in axes.lines if "*" in line.get_label()}
    assert list(lines) == ["h.*.attn", "h.*.mlp"]
    assert lines["h.*.mlp"].get_ydata().tolist() == [0.3, 0.4]
    assert lines["h.*.mlp"].get_xdata().tolist() == [0, 1]
    assert [text.get_text() for text in axes.texts] == ["whole"]


def test_kinds_are_names_without_the_number_of_the_layer():
    assert kinds_of(["embed", "h.0.mlp.3", "h.1.mlp.3", "a2.b"]) == {
        "embed": [(0, 0)],
        "h.*.mlp.3": [(0, 1), (1, 2)],
        "a2.b": [(0, 3)],
    }
