"""Axes with their labels, scales of colours, and figures that need no pyplot."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from clearhead.errors import ConfigError, MissingExtraError
from clearhead.maps.pictures.panels import (
    Axis,
    Panel,
    check_target,
    colour_bar,
    draw,
    finish,
    label_of,
    new_figure,
    score_scale,
    weight_scale,
)
from tests.maps.pictures.drawing import image_of, texts_of

pytest.importorskip("matplotlib")


def test_positions_lie_where_they_are_in_a_pooled_map():
    axis = Axis("key", cells=100, positions=1000)
    assert axis.place(0) == pytest.approx(-0.45)  # the first tenth of the first cell
    assert axis.place(999) == pytest.approx(99.45)
    places, texts = axis.ticks(4.0, 8.0, upright=True)
    assert texts[:3] == ["0", "100", "200"]
    assert places[1] == pytest.approx(axis.place(100))


def test_a_label_is_one_short_line():
    assert label_of("a\tb") == "a⇥b"
    assert len(label_of("x" * 99)) == 16


@pytest.mark.parametrize(
    ("inches", "texts"),
    [
        # A line of 8 points takes 1.3 * 8 / 72 = 0.144 inches.
        (1.5, ["a", "b", "c", "d"]),
        (0.3, ["a  0", "c  2"]),
        (0.1, ["a  0"]),
    ],
)
def test_as_many_tokens_stand_there_as_have_room(inches, texts):
    axis = Axis("key", cells=4, labels=list("abcd"))
    assert axis.ticks(inches, 8.0, upright=True)[1] == texts


def test_numbers_of_a_window_begin_at_a_round_one():
    axis = Axis("key", cells=50, first=1013)
    places, texts = axis.ticks(2.0, 8.0, upright=True)
    assert texts[:3] == ["1,015", "1,020", "1,025"]
    assert places[0] == 2


def test_scales_of_scores_are_as_far_below_zero_as_above():
    scale = score_scale([np.array([1.0, -3.0, -np.inf]), np.array([2.0])])
    assert (scale.low, scale.high) == (-3.0, 3.0)
    assert score_scale([np.zeros(2)]).high == 1.0
    assert score_scale([]).high == 1.0


def test_weights_go_by_their_square_root_if_they_say_so():
    assert weight_scale("share").norm()(0.25) == pytest.approx(0.25)
    scale = weight_scale("share", root=True)
    assert scale.norm()(0.25) == pytest.approx(0.5)
    assert scale.name == "share (colours by its square root)"


def test_a_panel_has_its_numbers_sides_and_notes():
    values, masked = np.array([[0.1, 0.9], [0.5, 0.0]]), np.array([[False, False], [False, True]])
    panel = Panel(
        values, masked, Axis("query", 2, labels=["a", "b"]), Axis("key", 2), title="head 3",
        notes=[["one", "two"], ["three", "four"]],
    )  # fmt: skip
    figure = new_figure(3, 3, "above", note="below")
    axes = figure.subplots()
    image = draw(axes, panel, weight_scale(), (2.0, 2.0))
    colour_bar(figure, image, axes, weight_scale())
    np.testing.assert_array_equal(np.ma.getmaskarray(image_of(axes).get_array()), masked)
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("head 3", "key", "query")
    assert texts_of(axes.yaxis) == ["a", "b"]
    # On dark cells letters are white; a masked cell has none.
    colours = {text.get_text(): text.get_color() for text in axes.texts}
    assert colours == {"one": "black", "two": "white", "three": "black"}
    assert (figure.get_suptitle(), figure.get_supxlabel()) == ("above", "below")
    assert figure.axes[-1].get_ylabel() == "attention weight"


@pytest.mark.parametrize("name", ["map.pdf", "map", "png"])
def test_only_names_of_pictures_are_written_to(name):
    with pytest.raises(ConfigError, match=rf"Pictures are .png or .svg files; '{name}' is neither"):
        check_target(name)


@pytest.mark.parametrize("name", [None, "a.png", "a.SVG"])
def test_a_picture_without_matplotlib_is_refused_before_the_work(monkeypatch, name):
    check_target(name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"Drawing a picture"):
        check_target(name)


def test_a_figure_is_written_by_the_ending_of_its_name(tmp_path):
    figure = new_figure(1, 1, "")
    assert finish(figure, None) is figure
    finish(figure, tmp_path / "a.PNG")
    assert (tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["a.PNG"]
