"""What each question takes, what is left to its default, and what it refuses."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError, TextError
from clearhead.explorer.contract.questions import (
    ArrayItem,
    ArrayQuestion,
    BeamQuestion,
    EffectsQuestion,
    ModelQuestion,
    OverviewQuestion,
    RunQuestion,
    WordsQuestion,
)
from clearhead.explorer.contract.reading import QUESTIONS, read_question
from clearhead.explorer.contract.values import Limits

HEAD = {"part": "cross", "layer": 0, "head": 1}


def read_run(params, limits=None):
    return read_question(RunQuestion, params, limits or Limits())


def test_what_is_left_out_has_a_default():
    assert read_run({"text": "A cat."}).to_dict() == {
        "text": "A cat.", "target": None, "target_ids": None, "sentence": 0, "beam_size": 4,
        "new_tokens": 8, "formality": "auto", "edits": [], "checkpoint": None,
    }  # fmt: skip


@pytest.mark.parametrize("target", ["", "  \n"])
def test_a_blank_target_is_none(target):
    assert read_run({"text": "A cat.", "target": target}).target is None


@pytest.mark.parametrize("name", ["text", "target"])
def test_a_long_text_is_refused_with_how_long_it_may_be(name):
    params = {"text": "A cat."} | {name: "a" * 1001}
    words = rf"A {name} may have 1,000 characters here; this one has 1,001"
    with pytest.raises(TextError, match=words):
        read_run(params, Limits(characters=1000))
    assert read_run(params).to_dict()[name] == "a" * 1001


def test_limits_are_those_of_the_explorer_that_is_asked():
    edits = [{"kind": "mask_token", "position": 0}] * 3
    with pytest.raises(ConfigError, match=r"run: edits must be a list of at most 2; it has 3\."):
        read_run({"text": "a", "edits": edits}, Limits(edits=2))
    with pytest.raises(ConfigError, match=r"query may have 3 characters; it has 4\."):
        read_question(WordsQuestion, {"query": "four"}, Limits(query=3))
    many = Limits(characters=30_000, edits=40, query=300)
    assert len(read_run({"text": "a" * 30_000, "edits": edits * 13}, many).edits) == 39


def test_effects_have_their_defaults():
    question = read_question(EffectsQuestion, {"run": {"text": "A cat."}, **HEAD, "query": 1})
    assert (question.position, question.most) == (None, 24)


def test_items_are_paths_with_windows():
    params = {"items": [{"path": "logits"}, {"path": "x", "window": [[0, 1], (2.0, 3)]}]}
    question = read_question(ArrayQuestion, params)
    assert question.items == (
        ArrayItem(path="logits"),
        ArrayItem(path="x", window=((0, 1), (2, 3))),
    )


WINDOW = r"items\[0\]: window must be a list of \[start, stop\], two whole numbers for each axis; "


@pytest.mark.parametrize(
    "window", [[1], [[1]], [[0, 1.5]], [["0", 1]], [[0, 1, 2]], [[True, 1]], [[-1, 2]], 5, "ab"]
)
def test_a_window_that_is_none_is_refused_in_words(window):
    with pytest.raises(ConfigError, match=WINDOW) as error_info:
        read_question(ArrayQuestion, {"items": [{"path": "logits", "window": window}]})
    assert str(error_info.value).endswith(f"it is {window!r}.")


@pytest.mark.parametrize(
    ("question", "params", "words"),
    [
        (ModelQuestion, {"a": 1}, r"Unknown 'a': model takes none\."),
        (WordsQuestion, {}, r"words needs query; it is missing\."),
        (BeamQuestion, {"beam_size": 5}, r"beam needs run; it is missing"),
        (BeamQuestion, {"run": 5}, r"run takes an object of named values; it is 5\."),
        (BeamQuestion, {"run": {"text": 5}}, r"run: text must be a text; it is 5\."),
        (BeamQuestion, {"run": {}, "beam_size": 9}, r"beam: beam_size must be .*; it is 9"),
        (EffectsQuestion, {"run": {}, **HEAD, "query": 1, "most": 65}, r"between 1 and 64; .* 65"),
        (ArrayQuestion, {}, r"array needs items; it is missing\."),
        (ArrayQuestion, {"items": []}, r"array: items must be a list of 1 to 64; it has 0\."),
        (ArrayQuestion, {"items": [{}]}, r"^items\[0\] needs path; it is missing\.$"),
        (
            ArrayQuestion,
            {"items": [{"path": "x"}] * 65},
            r"array: items must be a list of 1 to 64; it has 65\.",
        ),
        (OverviewQuestion, {"part": 3}, r"part must be a text of 1 to 200 characters; it is 3\."),
        (
            OverviewQuestion,
            {"part": "x", "layers": [1, 2, 3]},
            r"layers must be \[start, stop\], two whole numbers; it is \[1, 2, 3\]\.",
        ),
    ],
)
def test_a_question_that_is_none_is_refused_in_words(question, params, words):
    with pytest.raises(ConfigError, match=words):
        read_question(question, params)


def test_every_question_is_asked_by_its_name():
    assert list(QUESTIONS) == [
        "model", "run", "words", "neighbours", "beam", "array", "overview", "head_kinds",
        "effects", "lens", "gradients", "alignment", "discovery", "sweep", "offline",
    ]  # fmt: skip
    assert all(question.question == name for name, question in QUESTIONS.items())
