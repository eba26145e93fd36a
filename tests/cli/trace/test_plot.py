from __future__ import annotations

import re
import sys
from xml.etree import ElementTree

import numpy as np
import pytest

from clearhead.cli.trace._plot import check_plot, plot_head
from clearhead.errors import ConfigError, MissingExtraError
from tests.cli.trace.heads import two_token_head

pytest.importorskip("matplotlib")


def texts(picture: str) -> list[str]:
    """The words in an SVG picture, which matplotlib repeats as comments beside their outlines."""
    return re.findall(r"<!-- (.*?) -->", picture)


def hatched_cells(picture: str) -> int:
    drawing = ElementTree.fromstring(picture)
    styles = (part.get("style", "") + part.get("fill", "") for part in drawing.iter())
    return sum("url(#" in style for style in styles)


def test_masked_cells_alone_are_hatched(tmp_path):
    path = tmp_path / "head.svg"
    plot_head(two_token_head(), path)
    assert hatched_cells(path.read_text("utf-8")) == 0
    plot_head(two_token_head(causal=True), path)
    assert hatched_cells(path.read_text("utf-8")) == 2  # one cell in each of the two panels


def test_scores_stand_beside_weights_and_tokens_are_their_labels(tmp_path):
    path = tmp_path / "head.svg"
    plot_head(two_token_head(), path)
    words = texts(path.read_text("utf-8"))
    assert words.count("encoder.layers.0.self_attention, head 0") == 1
    assert words.index("scaled scores") < words.index("weights")
    assert words.count("▁a") == words.count("▁b") == 4  # rows and columns of two panels


def test_a_head_that_sees_nothing_can_be_drawn(tmp_path):
    path = tmp_path / "head.PNG"
    plot_head(two_token_head(mask=np.zeros((2, 2), bool)), path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["head.pdf", "head", ".png"])
def test_another_kind_of_picture_is_refused(name):
    with pytest.raises(ConfigError, match=rf"--plot writes \.png or \.svg files; '{name}' is"):
        check_plot(name)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'pip install "clearhead\[plots\]"'):
        check_plot("head.png")
