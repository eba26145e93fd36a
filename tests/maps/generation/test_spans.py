"""Spans by name, in tokens and in characters."""

from __future__ import annotations

import pytest
import torch

from clearhead.errors import ConfigError, ShapeError
from clearhead.maps.generation.spans import NamedSpans, tokens_of_characters

# "<s>" and then the words of "a red bike", padding at the end.
OFFSETS = [(0, 0), (0, 1), (2, 5), (6, 10), (0, 0)]


def test_the_same_spans_in_each_row():
    spans = NamedSpans.of({"one": (0, 2), "all": (0, 5)}, 2, 5)
    assert spans.names == ("one", "all")
    assert spans.places == (((0, 2), (0, 5)),) * 2
    shares = spans.shares(slice(1, 4), torch.float64, torch.device("cpu"))
    assert shares.tolist() == [[[1, 1], [0, 1], [0, 1]]] * 2


def test_spans_of_each_row():
    spans = NamedSpans.of([{"one": (0, 2)}, {"one": (1, 4)}], 2, 5)
    assert spans.places == (((0, 2),), ((1, 4),))


@pytest.mark.parametrize(
    ("characters", "tokens"),
    [((0, 1), (1, 2)), ((0, 5), (1, 3)), ((3, 7), (2, 4)), ((9, 99), (3, 4))],
)
def test_characters(characters, tokens):
    assert tokens_of_characters("one", characters, OFFSETS) == tokens
    assert NamedSpans.of({"one": characters}, 2, 5, OFFSETS).places == ((tokens,),) * 2


def test_offsets_of_each_row():
    offsets = torch.tensor([OFFSETS, OFFSETS[1:] + OFFSETS[:1]])
    spans = NamedSpans.of({"one": (2, 5)}, 2, 5, offsets)
    assert spans.places == (((2, 3),), ((1, 2),))


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ({"one": (2, 2)}, r"'one', \(2, 2\), is not within the 5 tokens"),
        ({"one": (2, 6)}, r"0 <= first < end <= 5"),
        ({"one": (2,)}, r"A span is \(first, end\); 'one'"),
        ({}, "at least one span"),
        ([{"one": (0, 1)}, {"two": (0, 1)}], "the same names in each row"),
    ],
)
def test_spans_that_are_none(spans, message):
    with pytest.raises(ConfigError, match=message):
        NamedSpans.of(spans, 2, 5)


def test_what_does_not_fit_the_batch():
    with pytest.raises(ShapeError, match="one for each of the 2 rows; 1 came"):
        NamedSpans.of([{"one": (0, 1)}], 2, 5)
    with pytest.raises(ShapeError, match=r"with batch 2; got \[3, 5, 2\]"):
        NamedSpans.of({"one": (0, 1)}, 2, 5, torch.tensor([OFFSETS] * 3))
    with pytest.raises(ConfigError, match="the text's tokens end at character 10"):
        tokens_of_characters("one", (1, 2), OFFSETS)
