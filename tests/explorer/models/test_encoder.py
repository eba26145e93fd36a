"""A text is read, and its hidden words are filled in; or it becomes vectors, and that is all."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.reference.softmax import log_softmax
from clearhead.reference.transformer import Transformer
from tests.explorer.others import MASK

TEXT = f"The {MASK} sleeps on the mat."
ABLATE = {"kind": "ablate_head", "part": "encoder", "layer": 1, "head": 2}


def ask(explorer, **params):
    return explorer.answer("run", {"text": TEXT, **params}).json


def ids(tokens):
    return [token["id"] for token in tokens]


def exact(explorer, source):
    model = Transformer(explorer.models.config, explorer.models.weights)
    ids = np.array([source])
    encoded = model.encode(ids, mask=np.ones(ids.shape, bool)).output
    return encoded[0], log_softmax(model.logits(encoded)[0])


def test_the_model_says_what_it_is(bert, vectors):
    answer = bert.answer("model").json
    assert (answer["kind"], answer["mask"]) == ("encoder", MASK)
    assert answer["parts"] == [{"part": "encoder", "layers": 2, "heads": 4}]
    assert "next_words" in answer["abilities"]
    other = vectors.answer("model").json
    assert other["abilities"] == ["edit", "derivations"]
    assert "mask" not in other


def test_a_hidden_word_is_the_likeliest(bert):
    answer = ask(bert)
    source = ids(answer["source"])
    place = source.index(4)
    _, rows = exact(bert, source)
    best = int(rows[place].argmax())
    assert ids(answer["predicted"]) == [*source[:place], best, *source[place + 1 :]]
    assert answer["scored_positions"] == [place]
    assert answer["log_probability"] == pytest.approx(rows[place, best], rel=1e-9)
    assert answer["next"][place]["taken"]["rank"] == 1
    word = bert.models.tokenizer.decode([best])
    assert answer["translation"] == f"the {word} sleeps on the mat."
    assert answer["decoder_input"] == []


def test_a_text_without_hidden_words_is_scored_as_a_whole(bert):
    answer = ask(bert, text="The cat sleeps.")
    source = ids(answer["source"])
    _, rows = exact(bert, source)
    each = rows[np.arange(len(source)), source]
    assert ids(answer["predicted"]) == source
    assert "scored_positions" not in answer
    assert answer["log_probability"] == pytest.approx(each.sum(), rel=1e-9)


def test_special_tokens_stand_around_the_text(bert):
    source = ask(bert)["source"]
    assert [token["piece"] for token in (source[0], source[-1])] == ["[CLS]", "[SEP]"]
    assert [token["special"] for token in source[:4]] == [True, False, True, False]


def test_padding_that_is_typed_is_read(bert):
    answer = ask(bert, text="The [PAD] cat.")
    run = answer["request"]
    item = {"path": "encoder.layers.0.self_attention.weights"}
    weights = bert.answer("array", {"run": run, "items": [item]}).arrays["0"]
    place = ids(answer["source"]).index(0)
    assert (weights[..., place] > 0).all()


def test_edits_change_both_models_alike(bert):
    plain = ask(bert)
    for edit in (ABLATE, {"kind": "mask_token", "position": 4}):
        answer = ask(bert, edits=[edit])
        assert 0 < answer["check"]["largest"] < 1e-3
        assert answer["baseline"]["log_probability"] == plain["log_probability"]
        word = answer["baseline"]["predicted"][2]["id"]
        along = ask(bert, edits=[edit], target_ids=[word])
        assert along["log_probability"] == pytest.approx(
            answer["baseline"]["target_log_probability"], rel=1e-9
        )


def test_vectors_are_checked_and_compared(vectors):
    plain, answer = ask(vectors), ask(vectors, edits=[ABLATE])
    assert plain["translation"] is plain["log_probability"] is None
    assert (plain["next"], plain["predicted"]) == ([], [])
    assert plain["check"]["of"] == "output"
    assert 0 < plain["check"]["largest"] < 1e-4
    assert plain["steps"][-1]["path"] == "encoder.output"
    before, _ = exact(vectors, ids(plain["source"]))
    run = {"run": answer["request"], "items": [{"path": "encoder.output"}]}
    after = vectors.answer("array", run).arrays["0"][0]
    change = np.linalg.norm(after - before, axis=-1) / np.linalg.norm(before, axis=-1)
    np.testing.assert_allclose(answer["baseline"]["output_change"], change, rtol=1e-9)
    assert answer["baseline"]["log_probability"] is None


def test_without_words_there_are_no_effects(vectors):
    params = {"run": ask(vectors)["request"], "part": "encoder", "layer": 0, "head": 0, "query": 1}
    with pytest.raises(ConfigError, match=r"effects: this model predicts no words"):
        vectors.answer("effects", params)


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"target": "a cat"}, r"an encoder by itself writes no text, .* Leave target out"),
        ({"target_ids": [7, 8]}, r"target_ids names 2 words, and the text hides 1\."),
        ({"target_ids": [9999]}, r"holds the token id 9999; those of this model lie between 0 and"),
    ],
)
def test_a_target_that_has_no_place_is_refused(bert, params, words):
    with pytest.raises(ConfigError, match=words):
        ask(bert, **params)
