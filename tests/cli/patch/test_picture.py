"""The picture of `clearhead patch`."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("matplotlib")

from clearhead.attribution.named_values import NamedValues
from clearhead.cli.patch._picture import draw_shares


def test_each_sweep_has_a_panel():
    modules = ("h.0.attn", "h.1.attn")
    heads = NamedValues("share", np.eye(2), {"module": modules, "head": ("0", "1")})
    whole = NamedValues("share", np.ones(2), {"module": modules})
    figure = draw_shares([heads, whole], title="A title")
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == ["each head, from the clean run", "each whole output, from the clean run"]
    (lines,) = (axes for axes in figure.axes if axes.get_xlabel() == "layer")
    assert [text.get_text() for text in lines.texts] == ["as corrupted", "as clean"]
