"""Plain values become requests, and whatever does not fit is refused with words that help."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ClearheadError, ConfigError, TextError
from clearhead.explorer.contract.edits import KINDS, Edit
from clearhead.explorer.contract.requests import (
    ArrayItem,
    Limits,
    array_items,
    beam_request,
    edit,
    effects_request,
    run_request,
)

LIMITS = Limits()
HEAD = {"part": "cross", "layer": 0, "head": 1}
EDITS = [
    {"kind": "ablate_head", **HEAD},
    {"kind": "set_weight", **HEAD, "query": 2, "key": 0, "value": 0.5, "renormalise": True},
    {"kind": "mask_token", "position": 1},
    {"kind": "swap_token", "position": 1, "token": 300},
    {"kind": "attention_temperature", **HEAD, "value": 2.0},
    {"kind": "output_temperature", "value": 0.5},
]


def test_a_run_needs_only_a_text():
    request = run_request({"text": "A cat."}, LIMITS)
    assert request.to_dict() == {
        "text": "A cat.", "target": None, "sentence": 0, "beam_size": 4, "edits": [],
    }  # fmt: skip


def test_every_kind_of_edit_comes_back_as_it_was():
    assert {given["kind"] for given in EDITS} == set(KINDS)
    params = {"text": "A cat.", "target": "Un chat.", "sentence": 2, "beam_size": 1, "edits": EDITS}
    request = run_request(params, LIMITS)
    assert request.to_dict() == params
    assert run_request(json.loads(json.dumps(request.to_dict())), LIMITS) == request
    assert hash(request) == hash(run_request(params, LIMITS))


def test_null_is_as_good_as_nothing():
    params = {"text": "A cat.", "target": None, "sentence": None, "beam_size": None, "edits": None}
    assert run_request(params, LIMITS) == run_request({"text": "A cat."}, LIMITS)


@pytest.mark.parametrize("target", ["", "  \n"])
def test_a_blank_target_is_none(target):
    assert run_request({"text": "A cat.", "target": target}, LIMITS).target is None


@pytest.mark.parametrize("text", ["", " \n\t "])
def test_an_empty_text_is_refused_with_what_to_give(text):
    with pytest.raises(TextError, match=r"The text is empty\. Give a sentence, such as"):
        run_request({"text": text}, LIMITS)


@pytest.mark.parametrize("name", ["text", "target"])
def test_a_long_text_is_refused_with_how_long_it_may_be(name):
    limits = Limits(characters=1000)
    params = {"text": "A cat."} | {name: "a" * 1001}
    words = rf"A {name} may have 1,000 characters here; this one has 1,001"
    with pytest.raises(TextError, match=words):
        run_request(params, limits)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ([], r"run takes an object of named values; it is \[\]\."),
        ({}, r"run needs text; it is missing\."),
        ({"text": 3}, r"run: text must be a text; it is 3\."),
        ({"text": "a", "target": 3}, r"run: target must be a text; it is 3\."),
        (
            {"text": "a", "beam": 3},
            r"Unknown 'beam': run takes text, target, sentence, beam_size, ",
        ),
        ({"text": "a", "beam_size": 0}, r"beam_size must be a whole number between 1 and 8; it"),
        ({"text": "a", "beam_size": 9}, r"beam_size must be .* between 1 and 8; it is 9\."),
        ({"text": "a", "beam_size": 2.5}, r"beam_size must be a whole number .*; it is 2\.5\."),
        ({"text": "a", "beam_size": "4"}, r"beam_size must be a whole number .*; it is '4'\."),
        ({"text": "a", "beam_size": True}, r"beam_size must be a whole number .*; it is True\."),
        ({"text": "a", "sentence": -1}, r"sentence must be a whole number 0 or more; it is -1\."),
        ({"text": "a", "sentence": 10**30}, r"sentence must be a whole number 0 or more; it is 1"),
        ({"text": "a", "edits": {}}, r"edits must be a list of at most 32; \{\}\."),
        ({"text": "a", "edits": [{}] * 33}, r"edits must be a list of at most 32; it has 33\."),
        ({"text": "a", "edits": ["x"]}, r"edit 0 takes an object of named values; it is 'x'\."),
    ],
)
def test_a_run_that_does_not_fit_is_refused_in_words(params, words):
    with pytest.raises(ConfigError, match=words):
        run_request(params, LIMITS)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({}, r"edit 7 needs kind; it is missing\."),
        ({"kind": "melt"}, r"edit 7: kind must be one of ablate_head, set_weight, .*it is 'melt'"),
        ({"kind": ["melt"]}, r"kind must be one of .*it is \['melt'\]\."),
        (
            {"kind": "ablate_head", "part": "self"},
            r"\(ablate_head\): part must be one of encoder, ",
        ),
        ({"kind": "ablate_head", "part": "cross", "layer": 0}, r"needs head; it is missing\."),
        (
            {"kind": "ablate_head", **HEAD, "key": 1},
            r"Unknown 'key': edit 7 \(ablate_head\) takes ",
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
        edit(params, 7)


def test_whole_numbers_may_come_as_floats():
    assert edit({"kind": "mask_token", "position": 3.0}) == Edit("mask_token", position=3)


def test_long_values_are_cut_in_errors():
    with pytest.raises(ConfigError) as caught:
        edit({"kind": "x" * 5000})
    assert len(str(caught.value)) < 300


def test_a_beam_is_as_wide_as_the_run_unless_told():
    run = {"text": "A cat.", "beam_size": 3}
    assert beam_request({"run": run}, LIMITS).beam_size == 3
    assert beam_request({"run": run, "beam_size": 5}, LIMITS).beam_size == 5
    with pytest.raises(ConfigError, match=r"beam needs run; it is missing"):
        beam_request({"beam_size": 5}, LIMITS)
    with pytest.raises(ConfigError, match=r"beam: beam_size must be .* between 1 and 8; it is 9"):
        beam_request({"run": run, "beam_size": 9}, LIMITS)


def test_effects_have_their_defaults():
    request = effects_request({"run": {"text": "A cat."}, **HEAD, "query": 1}, LIMITS)
    assert (request.position, request.most) == (None, 24)
    with pytest.raises(ConfigError, match=r"effects: most must be .* between 1 and 64; it is 65"):
        effects_request({"run": {"text": "A"}, **HEAD, "query": 1, "most": 65}, LIMITS)


def test_items_are_paths_with_windows():
    items = array_items([{"path": "logits"}, {"path": "x", "window": [[0, 1], [2, 3]]}])
    assert items == (ArrayItem("logits"), ArrayItem("x", ((0, 1), (2, 3))))


@pytest.mark.parametrize("window", [[1], [[1]], [[0, 1.5]], [["0", 1]], [[0, 1, 2]], [[True, 1]]])
def test_a_window_that_is_none_is_refused_in_words(window):
    with pytest.raises(ConfigError, match=r"items\[0\]: window is a list of \[start, stop\]"):
        array_items([{"path": "logits", "window": window}])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    values=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("text", "target", "sentence", "beam_size", "edits"), JSON),
    ),
    edits=st.lists(
        st.fixed_dictionaries(
            {"kind": st.sampled_from(list(KINDS))},
            optional={name: JSON for names in KINDS.values() for name in names},
        ),
        max_size=2,
    ),
)
def test_any_values_are_a_request_or_an_error_of_ours(values, edits):
    for params in (values, values | {"text": "A cat.", "edits": edits}):
        try:
            request = run_request(params, LIMITS)
        except ClearheadError:
            continue
        assert run_request(request.to_dict(), LIMITS) == request
