"""Pictures: the numbers in them, their scales, what is hatched, labelled and said."""

from __future__ import annotations

import itertools
import sys
import warnings
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import ConfigError, MissingExtraError, TraceError
from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.measures.per_position import Diagonal, Entropy
from clearhead.maps.pictures import cells as picture_cells
from clearhead.maps.pictures.cells import cells_of
from clearhead.maps.pictures.hatching import boxes_of
from clearhead.maps.pictures.layer_grid import per_head, plot_layers, plot_recording, short_names
from clearhead.maps.pictures.panels import Axis, label_of
from clearhead.maps.pictures.plots import ALL, plot
from clearhead.maps.storage.provenance import Source
from clearhead.maps.storage.summary_map import SummaryMap

pytest.importorskip("matplotlib")


def make_map(length=6, heads=4, key_len=None, seed=0, **settings):
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(2, heads, length, 8, generator=generator)
    key = torch.randn(2, heads, key_len or length, 8, generator=generator)
    return AttentionMap.of(query, key, source=Source(module="layers.3.self_attn"), **settings)


def image_of(axes):
    (image,) = axes.get_images()
    return image


def panels(figure):
    return [axes for axes in figure.axes if axes.get_visible() and axes.get_label() != "<colorbar>"]


def hatched(axes):
    return [patch for patch in axes.patches if patch.get_hatch()]


def texts_of(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


# The numbers


def test_a_head_is_drawn_with_its_weights():
    attention_map = make_map(causal=True)
    (axes,) = panels(plot(attention_map, 1, batch=1))
    drawn = image_of(axes).get_array()
    causal = np.tri(6, dtype=bool)
    np.testing.assert_array_equal(np.ma.getmaskarray(drawn), ~causal)
    np.testing.assert_allclose(drawn[causal], attention_map[1, 1].numpy()[causal], atol=1e-6)


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
    drawn = panels(plot(attention_map))
    assert [axes.get_title() for axes in drawn] == [f"head {h}" for h in range(7)]
    for head, axes in enumerate(drawn):
        np.testing.assert_allclose(image_of(axes).get_array(), attention_map[0, head], atol=1e-6)
        assert image_of(axes).get_clim() == (0.0, 1.0)
    # Every column of panels has its labels at its own foot, the one with a gap too.
    assert [bool(axes.get_xlabel()) for axes in drawn] == [False] * 3 + [True] * 4


def test_a_map_of_one_head_is_that_head():
    figure = plot(make_map(heads=1))
    assert figure.get_suptitle() == "layers.3.self_attn, head 0, sequence 0 of 2"


# Pooling


@given(
    query_len=st.integers(1, 30),
    key_len=st.integers(1, 30),
    most=st.integers(1, 12),
    reduce=st.sampled_from(["max", "mean"]),
    tile=st.sampled_from([1, 5, 1024]),
)
@settings(max_examples=25)
def test_cells_are_those_of_pooled(query_len, key_len, most, reduce, tile):
    attention_map = make_map(query_len, 2, key_len)
    before, picture_cells.TILE = picture_cells.TILE, tile
    try:
        cells = cells_of(
            attention_map, 1, [1, 0], quantity="weights", queries=ALL, keys=ALL, most=most,
            reduce=reduce,
        )  # fmt: skip
    finally:
        picture_cells.TILE = before
    expected = attention_map.pooled(most, most, reduce)[1, [1, 0]]
    np.testing.assert_allclose(cells.values, expected, atol=1e-6)
    assert not cells.masked.any()
    assert cells.pooled == (query_len > most or key_len > most)


def test_what_is_masked_does_not_count_in_a_cell():
    attention_map = make_map(8, causal=True)
    cells = cells_of(
        attention_map, 0, [3], quantity="weights", queries=ALL, keys=ALL, most=4, reduce="mean"
    )
    np.testing.assert_array_equal(cells.masked[0], ~np.tri(4, dtype=bool))
    dense = attention_map[0, 3].double()
    # Of the first cell's four links one is masked: 1, w and 1 - w.
    assert cells.values[0, 0, 0] == pytest.approx(2 / 3)
    assert cells.values[0, 3, 1] == pytest.approx(float(dense[6:, 2:4].mean()), abs=1e-6)


def test_scores_and_windows_are_pooled_too():
    attention_map = make_map(40, causal=True)
    cells = cells_of(
        attention_map, 0, [2], quantity="scores", queries=slice(10, 30), keys=slice(5, None),
        most=5, reduce="max",
    )  # fmt: skip
    scores = attention_map.scores[0, 2, 10:30, 5:]
    expected = scores.reshape(5, 4, 5, 7).amax((1, 3)).numpy()
    np.testing.assert_array_equal(cells.masked[0], np.isneginf(expected))
    np.testing.assert_allclose(
        cells.values[0][~cells.masked[0]], expected[expected > -np.inf], 1e-5
    )
    assert (cells.queries, cells.keys) == (range(10, 30), range(5, 40))


def test_a_pooled_picture_says_so():
    figure = plot(make_map(700, heads=1))
    (note,) = [t.get_text() for t in figure.texts if "cells" in t.get_text()]
    assert note == "700 × 700 weights in 350 × 350 cells; each shows the largest of about 2 × 2"
    assert not [t for t in plot(make_map(6), 0).texts if "cells" in t.get_text()]


# What is hatched


@given(st.integers(0, 2**20 - 1))
def test_boxes_cover_what_is_masked_once(bits):
    masked = np.array([bits >> i & 1 for i in range(20)], dtype=bool).reshape(4, 5)
    covered = np.zeros((4, 5), dtype=int)
    for top, bottom, left, right in boxes_of(masked):
        covered[top:bottom, left:right] += 1
    np.testing.assert_array_equal(covered, masked.astype(int))


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


def test_positions_lie_where_they_are_in_a_pooled_map():
    axis = Axis("key", cells=100, positions=1000)
    assert axis.place(0) == pytest.approx(-0.45)  # the first tenth of the first cell
    assert axis.place(999) == pytest.approx(99.45)
    places, texts = axis.ticks(4.0, 8.0, upright=True)
    assert texts[:3] == ["0", "100", "200"]
    assert places[1] == pytest.approx(axis.place(100))


def test_shown_is_one_short_line():
    assert label_of("a\tb") == "a⇥b"
    assert len(label_of("x" * 99)) == 16


# Layers by heads


def test_the_overview_has_the_means_of_each_head():
    maps = {f"layers.{i}.attn": make_map(heads=4 + i, causal=True, seed=i) for i in range(3)}
    (axes,) = panels(plot_recording(maps, "entropy"))
    drawn = image_of(axes).get_array()
    for layer, attention_map in enumerate(maps.values()):
        actual = drawn[layer, : 4 + layer]
        np.testing.assert_allclose(actual, attention_map.entropy().mean((0, 2)), atol=1e-6)
    assert np.ma.getmaskarray(drawn).sum() == 3  # heads that a layer does not have
    assert texts_of(axes.yaxis) == ["0", "1", "2"]
    assert {text.get_text() for text in axes.texts} >= {f"{drawn[0, 0]:.2f}", f"{drawn[2, 5]:.2f}"}


class Recorded(dict):
    """What the overview asks of a recording: keys and the maps of all calls."""

    def calls(self, name):
        if self[name] is None:
            raise TraceError(name)
        return self[name]


def test_calls_have_rows_and_what_was_not_read_is_hatched():
    attention_map = make_map()
    summary = SummaryMap(attention_map.shape, Source(), attention_map.measure(Entropy()))
    maps = Recorded({"a.0": [attention_map, summary], "a.1": None})
    (axes,) = panels(plot_recording(maps))
    drawn = image_of(axes).get_array()
    assert texts_of(axes.yaxis) == ["0 call 0", "0 call 1", "1"]
    np.testing.assert_allclose(drawn[0], drawn[1])
    assert np.ma.getmaskarray(drawn).all(1).tolist() == [False, False, True]
    assert hatched(axes)


def test_an_overview_of_shares_goes_from_0_to_1():
    maps = {"attn": make_map()}
    for measure in ("sink", Diagonal(-1)):
        figure = plot_recording(maps, measure)
        assert image_of(panels(figure)[0]).get_clim() == (0.0, 1.0)
    assert figure.axes[-1].get_ylabel() == "weight on key i -1"


def test_queries_that_see_nothing_do_not_count():
    mask = torch.ones(6, 6, dtype=torch.bool)
    mask[4:] = False
    attention_map = make_map(mask=mask)
    expected = attention_map.entropy()[:, :, :4].mean((0, 2))
    torch.testing.assert_close(per_head(attention_map, Entropy()), expected)


def test_names_of_layers_are_whole():
    names = [f"encoder.block.{i}.layer.{i}.SelfAttention" for i in (0, 1)] + ["decoder.block.0.x"]
    figure = plot_recording({name: make_map(seed=i) for i, name in enumerate(names)})
    assert texts_of(panels(figure)[0].yaxis) == names


def test_short_names_keep_what_differs():
    assert short_names(["model.layers.0.attn", "model.layers.11.attn"]) == ["0", "11"]
    assert short_names(["encoder.0.self", "decoder.0.self"]) == ["encoder", "decoder"]
    assert short_names(["d.0.self", "d.0.cross", "d.1.self"]) == ["0.self", "0.cross", "1.self"]
    assert short_names(["a.b.c"]) == ["c"]


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


def test_overviews_that_cannot_be_drawn():
    with pytest.raises(ConfigError, match="at least one layer; none came"):
        plot_recording({})
    with pytest.raises(ConfigError, match="needs a measure with a number per query"):
        plot_recording({"a": make_map()}, "received")
    with pytest.raises(ConfigError, match="all values are NaN or infinite"):
        plot_layers({"a": [float("nan")]}, "x")


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'pip install "clearhead\[plots\]"'):
        plot(make_map(), 0)
