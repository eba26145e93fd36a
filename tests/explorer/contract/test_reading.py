"""Plain values become questions, and whatever does not fit is refused with words that help."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ClearheadError, ConfigError
from clearhead.explorer.contract.edits import MaskToken
from clearhead.explorer.contract.questions import (
    ArrayQuestion,
    EffectsQuestion,
    RunQuestion,
    WordsQuestion,
)
from clearhead.explorer.contract.reading import QUESTIONS, read_question
from clearhead.explorer.contract.values import Limits

HEAD = {"part": "cross", "layer": 0, "head": 1}
EDITS = [
    {"kind": "ablate_head", **HEAD},
    {"kind": "set_weight", **HEAD, "query": 2, "key": 0, "value": 0.5, "renormalise": True},
    {"kind": "mask_token", "position": 1},
    {"kind": "swap_token", "position": 1, "token": 300},
    {"kind": "attention_temperature", **HEAD, "value": 2.0},
    {"kind": "output_temperature", "value": 0.5},
    {"kind": "steer", "layer": 1, "token": 300, "value": -2.5},
]


def read_run(params, limits=None):
    return read_question(RunQuestion, params, limits or Limits())


def read_edit(params):
    (edit,) = read_run({"text": "a", "edits": [params]}).edits
    return edit


def test_every_kind_of_edit_comes_back_as_it_was():
    params = {"text": "A cat.", "target": "Un chat.", "target_ids": [7, 8], "sentence": 2,
              "beam_size": 1, "new_tokens": 3, "formality": "vous",
              "edits": EDITS, "checkpoint": 4}  # fmt: skip
    question = read_run(params)
    assert question.to_dict() == params
    assert [edit.kind for edit in question.edits] == [edit["kind"] for edit in EDITS]
    assert read_run(json.loads(json.dumps(question.to_dict()))) == question
    assert hash(question) == hash(read_run(params))


def test_a_question_that_was_read_is_taken_as_it_is():
    question = read_run({"text": "A cat."})
    assert read_run(question) is question


def test_null_is_as_good_as_nothing():
    params = {"text": "A cat.", "target": None, "sentence": None, "beam_size": None, "edits": None}
    assert read_run(params) == read_run({"text": "A cat."})


RUNS = [
    ([], r"run takes an object of named values; it is \[\]\."),
    ({"text": 3}, r"run: text must be a text; it is 3\."),
    ({"text": "a", "target": 3}, r"run: target must be a text; it is 3\."),
    (
        {"text": "a", "beam": 3},
        r"Unknown 'beam': run takes text, target, target_ids, ",
    ),
    ({"y": 3, "x": None}, r"Unknown 'x', 'y': run takes text, "),
    ({1: 3}, r"Unknown '1': run takes text, "),
    ({"text": "a", "beam_size": 0}, r"beam_size must be a whole number between 1 and 8; it is 0"),
    ({"text": "a", "beam_size": 9}, r"run: beam_size must be .* between 1 and 8; it is 9\."),
    ({"text": "a", "beam_size": 2.5}, r"beam_size must be a whole number .*; it is 2\.5\."),
    ({"text": "a", "beam_size": "4"}, r"beam_size must be a whole number .*; it is '4'\."),
    ({"text": "a", "beam_size": True}, r"beam_size must be a whole number .*; it is True\."),
    ({"text": "a", "sentence": -1}, r"sentence must be a whole number 0 or more; it is -1\."),
    ({"text": "a", "sentence": 10**30}, r"sentence must be a whole number 0 or more; it is 1"),
    ({"text": "a", "edits": {}}, r"run: edits must be a list of at most 32; it is \{\}\."),
    ({"text": "a", "edits": [{}] * 33}, r"run: edits must be a list of at most 32; it has 33\."),
    ({"text": "a", "edits": ["x"]}, r"edits\[0\] takes an object of named values; it is 'x'\."),
    ({"text": 3, "sentence": -1}, r"text must be a text; it is 3\. run: sentence must be .* -1\."),
]


@pytest.mark.parametrize(("params", "words"), RUNS)
def test_a_run_that_does_not_fit_is_refused_in_words(params, words):
    with pytest.raises(ConfigError, match=words):
        read_run(params)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, r"edits\[0\] needs kind; it is missing\."),
        ({"kind": "melt"}, r"edits\[0\]: kind must be one of ablate_head, .*; it is 'melt'\."),
        ({"kind": ["melt"]}, r"kind must be one of .*it is \['melt'\]\."),
        (
            {"kind": "ablate_head", "part": "self"},
            r"edits\[0\] \(ablate_head\): part must be one of encoder, decoder, cross; it is 's",
        ),
        ({"kind": "ablate_head", "part": "cross", "layer": 0}, r"needs head; it is missing\."),
        (
            {"kind": "ablate_head", **HEAD, "key": 1},
            r"Unknown 'key': edits\[0\] \(ablate_head\) takes kind, part, layer, head\.",
        ),
        ({"kind": "output_temperature", "value": 0}, r"a number between 0\.01 and 100; it is 0\."),
        ({"kind": "output_temperature", "value": math.nan}, r"0\.01 and 100; it is nan\."),
        ({"kind": "output_temperature", "value": math.inf}, r"0\.01 and 100; it is inf\."),
        ({"kind": "output_temperature", "value": "1"}, r"a number between .*; it is '1'\."),
        ({"kind": "output_temperature", "value": True}, r"a number between .*; it is True\."),
        ({**EDITS[1], "value": 1.1}, r"value must be a number between 0 and 1; it is 1\.1\."),
        ({**EDITS[1], "value": math.nan}, r"value must be a number between 0 and 1; it is nan\."),
        ({**EDITS[1], "renormalise": 1}, r"renormalise must be true or false; it is 1\."),
        ({**EDITS[1], "query": -1}, r"query must be a whole number 0 or more; it is -1\."),
        ({"kind": "mask_token"}, r"\(mask_token\) needs position; it is missing\."),
    ],
)
def test_an_edit_that_is_none_is_refused_in_words(params, words):
    with pytest.raises(ConfigError, match=words):
        read_edit(params)


def test_whole_numbers_may_come_as_floats():
    edit = read_edit({"kind": "mask_token", "position": 3.0})
    assert edit == MaskToken(position=3)
    assert type(edit.position) is int


def test_long_values_are_cut_in_errors():
    with pytest.raises(ConfigError) as error_info:
        read_edit({"kind": "x" * 5000})
    assert len(str(error_info.value)) < 300


def test_at_most_three_problems_are_named():
    with pytest.raises(ConfigError) as error_info:
        read_question(EffectsQuestion, {})
    assert str(error_info.value) == (
        "effects needs run; it is missing. effects needs part; it is missing. effects needs "
        "layer; it is missing."
    )


def test_thousands_of_problems_are_told_in_few_words():
    names = {f"name{number}": number for number in range(30_000)}
    with pytest.raises(
        ConfigError, match=r"'name10002' and 29,992 more: words takes query, ids\."
    ) as one:
        read_question(WordsQuestion, names)
    assert len(str(one.value)) < 300
    with pytest.raises(ConfigError, match=r"items must be a list of 1 to 64; it has 30000\.$"):
        read_question(ArrayQuestion, {"items": [{"x": 1}] * 30_000})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NAMES = sorted({name for edit in EDITS for name in edit} - {"kind"})


@given(
    values=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("text", "target", "sentence", "beam_size", "edits"), JSON),
    ),
    edits=st.lists(
        st.fixed_dictionaries(
            {"kind": st.sampled_from([edit["kind"] for edit in EDITS])},
            optional=dict.fromkeys(NAMES, JSON),
        ),
        max_size=2,
    ),
)
def test_any_values_are_a_run_or_an_error_of_ours(values, edits):
    for params in (values, values | {"text": "A cat.", "edits": edits}):
        try:
            question = read_run(params)
        except ClearheadError:
            continue
        assert read_run(question.to_dict()) == question


@given(name=st.sampled_from(list(QUESTIONS)), params=st.data())
def test_any_parameters_are_a_question_or_an_error_of_ours(name, params):
    question = QUESTIONS[name]
    values = params.draw(
        JSON | st.dictionaries(st.sampled_from([*question.model_fields, "x"]), JSON)
    )
    try:
        assert read_question(question, values).question == name
    except ClearheadError:
        return
