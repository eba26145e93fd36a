from __future__ import annotations

import re
from pathlib import Path

import pytest

from clearhead.cli.inspect._findings import StackFindings
from clearhead.cli.inspect._plot import plot_stacks
from tests.cli.inspect.layers import layer

pytest.importorskip("torch")
pytest.importorskip("matplotlib")


def drawing(path: Path, *stacks: StackFindings) -> list[str]:
    """The words in the picture, which matplotlib repeats as comments beside their outlines."""
    plot_stacks(stacks, "Two stacks", path)
    return re.findall(r"<!-- (.*?) -->", path.read_text("utf-8"))


def test_every_measure_of_every_head_is_a_number_in_the_picture(tmp_path):
    stack = StackFindings("h.*", [layer("h.0", 2), layer("h.1", 3)])
    words = drawing(tmp_path / "stacks.svg", stack)
    for first in (10, 20, 30):  # entropy, sink, distance
        for head, layers in enumerate((2, 2, 1)):
            assert words.count(f"{first + head}") >= layers
    assert "Two stacks" in words
    assert {"entropy (nats)", "weight on the first token", "distance (tokens)"} <= set(words)


def test_the_distance_of_cross_attention_is_left_blank(tmp_path):
    own, cross = layer("decoder.0.self"), layer("decoder.0.cross", 2, kind="cross")
    words = drawing(
        tmp_path / "stacks.svg", StackFindings("self", [own]), StackFindings("cross", [cross])
    )
    assert "11" in words
    assert "31" not in words


def test_calls_of_one_module_are_told_apart(tmp_path):
    layers = [layer("shared.0"), layer("shared.0")]
    layers[0].call, layers[1].call = 0, 1
    words = drawing(tmp_path / "stacks.svg", StackFindings("shared.*", layers))
    assert {"0 call 0", "0 call 1"} <= set(words)
