"""A measure of every layer and head, as one picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.errors import ConfigError, TraceError
from clearhead.maps.measures.per_position import Diagonal, Entropy
from clearhead.maps.pictures.layer_grid import per_head, plot_layers, plot_recording, short_names
from clearhead.maps.storage.provenance import Source
from clearhead.maps.storage.summary_map import SummaryMap
from tests.maps.pictures.drawing import hatched, image_of, make_map, panels, texts_of

pytest.importorskip("matplotlib")


def test_the_overview_has_the_means_of_each_head():
    maps = {f"layers.{i}.attn": make_map(heads=4 + i, causal=True, seed=i) for i in range(3)}
    (axes,) = panels(plot_recording(maps, "entropy"))
    cells = image_of(axes).get_array()
    for layer, attention_map in enumerate(maps.values()):
        actual = cells[layer, : 4 + layer]
        np.testing.assert_allclose(actual, attention_map.entropy().mean((0, 2)), atol=1e-6)
    assert np.ma.getmaskarray(cells).sum() == 3  # heads that a layer does not have
    assert texts_of(axes.yaxis) == ["0", "1", "2"]
    assert {text.get_text() for text in axes.texts} >= {f"{cells[0, 0]:.2f}", f"{cells[2, 5]:.2f}"}


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
    cells = image_of(axes).get_array()
    assert texts_of(axes.yaxis) == ["0 call 0", "0 call 1", "1"]
    np.testing.assert_allclose(cells[0], cells[1])
    assert np.ma.getmaskarray(cells).all(1).tolist() == [False, False, True]
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


def test_overviews_that_cannot_be_drawn():
    with pytest.raises(ConfigError, match="at least one layer; none came"):
        plot_recording({})
    with pytest.raises(ConfigError, match="needs a measure with a number per query"):
        plot_recording({"a": make_map()}, "received")
    with pytest.raises(ConfigError, match="all values are NaN or infinite"):
        plot_layers({"a": [float("nan")]}, "x")
