"""A translation's parts add up to its whole."""

from __future__ import annotations

import json

import numpy as np

from clearhead.translation.translation import Segment, Translation

FIRST = Segment("Hi.", "Salut.", -1.0, ("a", "b"), ("x",), (-0.4, -0.6), np.array([[0.7, 0.2]]))
SPACE = Segment(" ", " ")
SECOND = Segment(
    "Go.", "Va !", -2.0, ("c",), ("y", "z"), (-1.0, -0.5, -0.5), np.array([[0.9], [0.1]])
)


def test_the_whole_is_its_segments_in_order():
    whole = Translation("Hi. Go.", (FIRST, SPACE, SECOND))
    assert str(whole) == whole.text == "Salut. Va !"
    assert whole.score == -3.0
    assert whole.source_tokens == ("a", "b", "c")
    assert whole.tokens == ("x", "y", "z")
    assert whole.alignment.tolist() == [[0.7, 0.2, 0], [0, 0, 0.9], [0, 0, 0.1]]
    assert whole.pairs() == [(0, 0), (2, 1), (2, 2)]


def test_json_holds_what_was_asked_for():
    other = Translation("Hi. Go.", (FIRST, SPACE, SECOND))
    plain = Translation("Hi. Go.", other.segments, (other, other)).to_dict()
    assert json.loads(json.dumps(plain)) == {
        "source": "Hi. Go.",
        "text": "Salut. Va !",
        "score": -3.0,
        "source_tokens": ["a", "b", "c"],
        "tokens": ["x", "y", "z"],
        "segments": [
            {"source": "Hi.", "text": "Salut.", "score": -1.0},
            {"source": "Go.", "text": "Va !", "score": -2.0},
        ],
        "alignment": [[0.7, 0.2, 0.0], [0.0, 0.0, 0.9], [0.0, 0.0, 0.1]],
        "alternatives": [{"text": "Salut. Va !", "score": -3.0}] * 2,
    }


def test_without_alignments():
    translation = Translation("Hi", (Segment("Hi", "Salut", -1.0, ("a",), ("x",), (-0.5, -0.5)),))
    assert translation.alignment is None
    assert translation.pairs() == []
    assert "alignment" not in translation.to_dict()
    assert Translation("", ()).text == ""
