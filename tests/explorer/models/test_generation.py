"""A prompt is continued with the likeliest tokens, and what is said of it is the reference's."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError, TextError
from clearhead.generation.generate import generate
from clearhead.generation.settings import GenerationSettings
from clearhead.reference.softmax import log_softmax
from clearhead.reference.transformer import Transformer

TEXT = "The old man walks"
ABLATE = {"kind": "ablate_head", "part": "decoder", "layer": 1, "head": 2}


def ask(explorer, **params):
    return explorer.answer("run", {"text": TEXT, **params}).json


def ids(tokens):
    return [token["id"] for token in tokens]


def exact(explorer, target):
    model = Transformer(explorer.models.config, explorer.models.weights)
    return log_softmax(model.forward(None, np.array([target]))[0])


def test_the_continuation_is_that_of_greedy_generation(gpt2):
    answer = ask(gpt2, new_tokens=6)
    prompt = list(gpt2.models.tokenizer.encode(TEXT))
    settings = GenerationSettings(max_new_tokens=6, suppress_tokens=tuple(range(330, 340)))
    ((result,),) = generate(gpt2.models.fast, [prompt], settings)
    assert ids(answer["decoder_input"]) == [*prompt, *result.ids]
    assert answer["translation"] == gpt2.models.tokenizer.decode(result.ids)
    assert answer["source"] == []


def test_log_probabilities_are_those_of_the_continuation(gpt2):
    answer = ask(gpt2, new_tokens=4)
    target, predicted = ids(answer["decoder_input"]), ids(answer["predicted"])
    assert predicted[:-1] == target[1:]
    rows = exact(gpt2, target)
    each = rows[np.arange(len(target)), predicted]
    np.testing.assert_allclose(answer["log_probabilities"], each, rtol=1e-9)
    first = len(target) - 5
    assert answer["scored_positions"] == list(range(first, first + 4))
    assert answer["log_probability"] == pytest.approx(each[first:-1].sum(), rel=1e-9)
    assert predicted[-1] == int(rows[-1, :330].argmax())


def test_the_check_is_the_engine_with_its_cache(gpt2):
    answer = ask(gpt2)
    assert 0 < answer["check"]["largest"] < 1e-3
    assert answer["check"]["fast"] == "NumPy float32 with its cache"


def test_a_prompt_alone_is_walked_too(gpt2):
    answer = ask(gpt2, new_tokens=0)
    assert ids(answer["decoder_input"]) == list(gpt2.models.tokenizer.encode(TEXT))
    assert answer["translation"] == ""
    assert answer["prompt"] == len(answer["decoder_input"])
    # Its own words are what is likely or not.
    assert answer["scored_positions"] == list(range(answer["prompt"] - 1))


def test_an_end_token_ends_a_continuation(gpt2, monkeypatch):
    first = ids(ask(gpt2, new_tokens=3)["decoder_input"])[-3]
    monkeypatch.setattr(gpt2.models, "ends", frozenset({first}))
    monkeypatch.setattr(gpt2, "runs", type(gpt2.runs)(2**20))
    answer = ask(gpt2, new_tokens=3)
    assert answer["translation"] == ""
    assert answer["predicted"][-1]["id"] == first


def test_a_given_continuation_is_walked_instead(gpt2):
    by_text = ask(gpt2, target=" slowly to the house")
    words = gpt2.models.tokenizer.encode(" slowly to the house")
    by_ids = ask(gpt2, target_ids=list(words))
    assert by_text["target_given"] is by_ids["target_given"] is True
    assert by_text["decoder_input"] == by_ids["decoder_input"]
    assert ids(by_text["decoder_input"])[-len(words) :] == list(words)
    assert by_text["log_probability"] == by_ids["log_probability"]


@pytest.mark.parametrize(
    "edit",
    [
        ABLATE,
        {"kind": "mask_token", "position": 1},
        {"kind": "swap_token", "position": 1, "token": 300},
        {"kind": "set_weight", "part": "decoder", "layer": 0, "head": 1, "query": 3, "key": 1,
         "value": 0.9, "renormalise": True},
        {"kind": "attention_temperature", "part": "decoder", "layer": 2, "head": 0, "value": 3.0},
        {"kind": "output_temperature", "value": 2.0},
        {"kind": "steer", "layer": 1, "token": 300, "value": 4.0},
    ],
    ids=lambda edit: edit["kind"],
)  # fmt: skip
def test_every_edit_changes_both_models_alike(gpt2, edit):
    plain, answer = ask(gpt2), ask(gpt2, edits=[edit])
    assert 0 < answer["check"]["largest"] < 1e-3
    assert answer["baseline"]["log_probability"] == plain["log_probability"]
    assert answer["baseline"]["target_log_probability"] != pytest.approx(
        plain["log_probability"], abs=1e-6
    )
    # The same words under the edits, asked for by their ids.
    prompt = plain["prompt"]
    words = ids(plain["decoder_input"])[prompt:]
    along = ask(gpt2, edits=[edit], target_ids=words)
    assert ids(along["decoder_input"])[prompt:] == words
    assert along["log_probability"] == pytest.approx(
        answer["baseline"]["target_log_probability"], rel=1e-9
    )


def test_edits_are_refused_in_words_of_prompts(gpt2):
    with pytest.raises(ShapeError, match=r"the text has \d+ tokens, so position must be .* is 40"):
        ask(gpt2, edits=[{"kind": "mask_token", "position": 40}])


def test_what_is_too_long_is_refused_and_not_cut(gpt2):
    with pytest.raises(ShapeError, match=r"The text has \d+ tokens, .* reads at most 48 here"):
        ask(gpt2, text="the cat " * 60)
    words = r"its continuation \d+; together that is more than is read here, at most 48"
    with pytest.raises(ShapeError, match=words):
        ask(gpt2, target=" the cat" * 40)
    full = ask(gpt2, text="cat " * 20, new_tokens=200)
    assert len(full["decoder_input"]) == 48


def test_half_a_character_is_refused(gpt2):
    with pytest.raises(TextError, match="surrogate"):
        ask(gpt2, text="The \ud800 cat.")


def test_a_word_that_is_steered_towards_becomes_likelier(gpt2):
    edits = [{"kind": "steer", "layer": 2, "token": 300, "value": 40.0}]
    plain, answer = ask(gpt2), ask(gpt2, edits=edits)
    assert {token["id"] for token in answer["predicted"][answer["prompt"] - 1 :]} == {300}
    path = "decoder.layers.2.feed_forward_residual"
    item = {"items": [{"path": path}, {"path": "decoder.layers.2.feed_forward.output"},
                      {"path": "decoder.layers.2.self_attention_residual"}]}  # fmt: skip
    end, fed, before = gpt2.answer("array", {"run": answer["request"], **item}).arrays.values()
    push = (end - fed - before)[0]
    row = gpt2.models.weights["embedding.weight"][300]
    np.testing.assert_allclose(push, np.tile(40 * row / np.linalg.norm(row), (len(push), 1)),
                               rtol=1e-5, atol=1e-6)  # fmt: skip
    (step,) = [one for one in answer["steps"] if one["path"] == path]
    assert step["replaced_at"] == [{"edit": 0, "index": [None, None, None]}]
    assert plain["log_probability"] != answer["log_probability"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"layer": 3}, r"steer: there are 3 layers before the words, so layer must be .* it is 3"),
        ({"token": 900}, r"steer needs the id of a token between 0 and 329; it is 900"),
        ({"value": 2000}, r"value must be a number between -1000 and 1000; it is 2000"),
    ],
)
def test_a_push_that_does_not_fit_is_refused(gpt2, change, words):
    with pytest.raises(ConfigError, match=words):
        ask(gpt2, edits=[{"kind": "steer", "layer": 0, "token": 5, "value": 1.0} | change])
