"""The picture of a survey shows each head's numbers, and has the same bytes each time."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")

from clearhead.surveys.picture import MEASURES, draw_heads
from clearhead.surveys.statistics import HeadStatistics
from tests.surveys.readings import text_readings


def test_it_has_kinds_means_and_deviations(monkeypatch):
    statistics = HeadStatistics.of("ab", text_readings(1, 9))
    monkeypatch.setitem(__import__("matplotlib").rcParams, "svg.fonttype", "none")
    content = draw_heads(statistics, "svg")
    assert draw_heads(statistics, "svg") == content
    words = content.decode()
    for measure in MEASURES:
        assert f"{measure}, mean" in words
        assert f"{measure}, standard deviation" in words
    assert "Heads over 9 texts" in words
    mean = statistics.layers[2, "layers.0", 0].measures["entropy"].means[0]
    assert f">{mean:.2f}<" in words
    assert "1 call 1" in words


def test_a_png_is_one():
    statistics = HeadStatistics.of("ab", text_readings(2, 3))
    assert draw_heads(statistics, "png").startswith(b"\x89PNG")
