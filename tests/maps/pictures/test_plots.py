"""Pictures: the numbers in them, their scales, what is hatched, labelled and said."""

from __future__ import annotations

import itertools
import sys
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from clearhead.errors import ConfigError, MissingExtraError
from clearhead.maps.pictures.layer_grid import plot_layers
from clearhead.maps.pictures.plots import plot
from tests.maps.pictures.drawing import hatched, image_of, make_map, panels, texts_of

pytest.importorskip("matplotlib")


# The numbers


def test_a_head_is_drawn_with_its_weights():
    attention_map = make_map(causal=True)
    (axes,) = panels(plot(attention_map, 1, batch=1))
    cells = image_of(axes).get_array()
    causal = np.tri(6, dtype=bool)
    np.testing.assert_array_equal(np.ma.getmaskarray(cells), ~causal)
    np.testing.assert_allclose(cells[causal], attention_map[1, 1].numpy()[causal], atol=1e-6)


def test_weights_have_the_same_scale_whatever_they_are():
    for scale in (0.01, 10.0):
        (axes,) = panels(plot(make_map(scale=scale), 0))
        assert image_of(axes).get_clim() == (0.0, 1.0)
        assert image_of(axes).get_cmap().name == "Blues"


def test_scores_are_centred_on_zero():
    attention_map = make_map(causal=True)
    (axes,) = panels(plot(attention_map, 2, quantity="scores"))
    low, high = image_of(axes).get_clim()
    scores = attention_map.scores[0, 2]
    assert low == -high
    assert high == pytest.approx(float(scores[scores > -torch.inf].abs().max()))
    assert image_of(axes).get_cmap().name == "RdBu_r"


def test_the_colours_of_many_keys_go_with_the_root_and_say_so():
    figure = plot(make_map(40), 0)
    norm = image_of(panels(figure)[0]).norm
    assert norm(0.25) == pytest.approx(0.5)
    assert "square root" in figure.axes[-1].get_ylabel()
    assert image_of(panels(plot(make_map(32), 0))[0]).norm(0.25) == pytest.approx(0.25)


def test_all_heads_share_a_scale_and_have_a_panel_each():
    attention_map = make_map(heads=7)
    heads = panels(plot(attention_map))
    assert [axes.get_title() for axes in heads] == [f"head {h}" for h in range(7)]
    for head, axes in enumerate(heads):
        np.testing.assert_allclose(image_of(axes).get_array(), attention_map[0, head], atol=1e-6)
        assert image_of(axes).get_clim() == (0.0, 1.0)
    # Every column of panels has its labels at its own foot, the one with a gap too.
    assert [bool(axes.get_xlabel()) for axes in heads] == [False] * 3 + [True] * 4


def test_a_map_of_one_head_is_that_head():
    figure = plot(make_map(heads=1))
    assert figure.get_suptitle() == "layers.3.self_attn, head 0, sequence 0 of 2"


# Pooling


def test_a_pooled_picture_says_so():
    figure = plot(make_map(700, heads=1))
    (note,) = [t.get_text() for t in figure.texts if "cells" in t.get_text()]
    assert note == "700 × 700 weights in 350 × 350 cells; each shows the largest of about 2 × 2"
    assert not [t for t in plot(make_map(6), 0).texts if "cells" in t.get_text()]


# What is hatched


def test_masked_cells_are_hatched_and_weights_of_zero_are_not():
    (axes,) = panels(plot(make_map(causal=True), 0))
    (patch,) = hatched(axes)
    outline = patch.get_path()
    assert outline.contains_point((5, 0))
    assert not outline.contains_point((0, 5))
    (axes,) = panels(plot(make_map(scale=1000.0), 0))  # weights of exactly 0, none of them masked
    assert (image_of(axes).get_array() == 0).any()
    assert not hatched(axes)


# Labels


def test_tokens_stand_at_both_sides_as_they_are():
    tokens = ["The", "$5", "x\ny", "internationalisation", "\u200b", "."]
    (axes,) = panels(plot(make_map(query_labels=tokens, key_labels=tokens), 0))
    expected = ["The", "$5", "x↵y", "internationalis…", "\N{REPLACEMENT CHARACTER}", "."]
    assert texts_of(axes.xaxis) == texts_of(axes.yaxis) == expected
    assert not any(label.get_parse_math() for label in axes.get_xticklabels())


def test_each_sequence_has_its_own_tokens():
    labels = [["a", "b", "c"], ["d", "e", "f"]]
    (axes,) = panels(plot(make_map(3, query_labels=labels), 0, batch=-1))
    assert texts_of(axes.yaxis) == ["d", "e", "f"]
    assert texts_of(axes.xaxis) == ["0", "1", "2"]


@pytest.mark.parametrize("length", [7, 60, 130, 400])
@pytest.mark.parametrize("head", [0, None])
def test_labels_do_not_overlap(length, head):
    tokens = [f"word{i}" for i in range(length)]
    figure = plot(make_map(length, heads=2, query_labels=tokens, key_labels=tokens), head)
    figure.draw_without_rendering()
    labelled = 0
    for axes in panels(figure):
        for axis in (axes.xaxis, axes.yaxis):
            boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
            labelled += len(boxes) >= 2
            for one, other in itertools.pairwise(boxes):
                assert not one.overlaps(other)
    assert labelled == (2 if head == 0 else 3)  # two panels side by side label their keys each


def test_thinned_labels_say_their_position():
    tokens = [f"t{i}" for i in range(130)]
    (axes,) = panels(plot(make_map(130, query_labels=tokens, key_labels=tokens), 0))
    labels = texts_of(axes.yaxis)
    assert labels[:2] == ["t0  0", "t5  5"]
    window = {"queries": slice(100, 104), "keys": slice(0, 3)}
    (axes,) = panels(plot(make_map(130, query_labels=tokens), 0, **window))
    assert texts_of(axes.yaxis) == ["t100", "t101", "t102", "t103"]
    np.testing.assert_allclose(axes.get_yticks(), range(4))


# Files and errors


def test_a_png_and_an_svg_are_written(tmp_path):
    figure = plot(make_map(causal=True), 0, save=tmp_path / "head.png")
    assert (tmp_path / "head.png").read_bytes().startswith(b"\x89PNG")
    plot_layers({"a": [1.0, 2.0]}, "x", save=tmp_path / "layers.svg")
    assert ElementTree.parse(tmp_path / "layers.svg").getroot().tag.endswith("svg")
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_nothing_is_left_to_pyplot():
    plot(make_map(), 0)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_drawing_warns_of_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot(make_map(1, heads=1, key_len=500), save=tmp_path / "wide.png")
        plot(make_map(3, causal=True, mask=torch.zeros(3, 3).bool()), save=tmp_path / "empty.png")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"head": 4}, "head 4 does not exist: there are 4 heads, 0 to 3"),
        ({"head": 0, "batch": 2}, "batch 2 does not exist: there are 2 sequences"),
        ({"queries": slice(9, 12)}, "queries must be a slice of at least one position"),
        ({"keys": slice(0, 6, 2)}, "keys must be a slice of at least one position, in steps of 1"),
        (
            {"quantity": "logits"},
            "'weights' or 'scores', pooled by reduce 'max' or 'mean'; 'logits'",
        ),
        ({"reduce": "sum"}, "'sum' were asked for"),
        ({"save": "map.pdf"}, "Pictures are .png or .svg files; 'map.pdf' is neither"),
    ],
)
def test_what_cannot_be_drawn(settings, words):
    with pytest.raises(ConfigError) as error:
        plot(make_map(), **settings)
    assert words in str(error.value)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'pip install "clearhead\[plots\]"'):
        plot(make_map(), 0)
