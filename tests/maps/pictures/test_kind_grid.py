"""Kinds as a picture: each head in its place, with a sign and not a colour alone."""

from __future__ import annotations

import re

import pytest

from clearhead.errors import ConfigError
from clearhead.head_kinds import KINDS

pytest.importorskip("matplotlib")

from clearhead.maps.pictures.kind_grid import SIGNS, plot_kinds


def test_each_kind_has_a_colour_and_a_sign_of_its_own() -> None:
    assert tuple(SIGNS) == KINDS
    assert len({sign for sign, _ in SIGNS.values()}) == len({c for _, c in SIGNS.values()})


def test_heads_have_their_signs_and_the_legend_counts(tmp_path) -> None:
    kinds = {
        "model.h.0.attn": ["previous", "mixed"],
        "model.h.1.attn": ["induction", None, "previous"],
    }
    plot_kinds(kinds, title="A model", save=tmp_path / "a.svg")
    words = re.findall(r"<!-- (.*?) -->", (tmp_path / "a.svg").read_text("utf-8"))
    assert words.count("pr") == 2
    assert words.count("in") == 1
    assert {"A model", "previous  2", "induction  1", "mixed  1", "head", "kind"} <= set(words)
    assert not any(word.startswith("broad") for word in words)


def test_many_heads_have_no_signs_and_nothing_is_refused(tmp_path) -> None:
    figure = plot_kinds({str(n): ["broad"] * 32 for n in range(3)})
    assert not figure.axes[0].texts
    with pytest.raises(ConfigError, match="at least one head"):
        plot_kinds({})
    with pytest.raises(ConfigError, match="png"):
        plot_kinds({"a": ["broad"]}, save=tmp_path / "a.jpg")
