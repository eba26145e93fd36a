"""A walked sentence: what it shows is what the reference computes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError, TextError
from clearhead.explorer.answers.edited_engine import replacements
from clearhead.explorer.contract.edits import changes_of
from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.contract.reading import read_question
from clearhead.reference.softmax import log_softmax
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer
from clearhead.translation.translator import Translator

TEXT = "The old man walks slowly to the house."
ABLATE = {"kind": "ablate_head", "part": "cross", "layer": 1, "head": 2}
SET = {"kind": "set_weight", "part": "cross", "layer": 0, "head": 1, "query": 1, "key": 0,
       "value": 1.0, "renormalise": True}  # fmt: skip


def ask(explorer, **params):
    return explorer.answer("run", {"text": TEXT, **params}).json


def run_of(explorer, answer):
    """The run itself, by what the answer gives as its request."""
    return explorer.run(read_question(RunQuestion, answer["request"]))


def ids(tokens):
    return [token["id"] for token in tokens]


def expected_log_probabilities(checkpoint, answer, edits=()):
    """From a model and a pass of our own: Float["target_len vocab"]."""
    model = Transformer(checkpoint.config, checkpoint.weights)
    changes = changes_of(edits, checkpoint.config)
    trace = Trace(keep=[], replace=replacements(changes))
    source, target = ids(answer["source"]), ids(answer["decoder_input"])
    return log_softmax(model.forward(np.array([source]), np.array([target]), trace=trace)[0])


def test_the_translation_is_the_translators(checkpoint, explorer):
    answer = ask(explorer, beam_size=3)
    translator = Translator.from_checkpoint(checkpoint)
    assert answer["translation"] == translator.translate(TEXT, beam_size=3, protect=False).text
    assert answer["baseline"] is None
    assert answer["target_given"] is False


def test_tokens_are_those_that_the_model_reads_and_writes(checkpoint, explorer):
    answer = ask(explorer)
    assert ids(answer["source"]) == [*checkpoint.tokenizer.encode(TEXT), 2]
    assert answer["source"][-1] == {"id": 2, "piece": "</s>", "special": True}
    assert answer["decoder_input"][0] == {"id": 1, "piece": "<s>", "special": True}
    assert ids(answer["predicted"]) == [*ids(answer["decoder_input"])[1:], 2]
    assert not any(token["special"] for token in answer["source"][:-1])


def test_log_probabilities_and_next_words_are_the_references(checkpoint, explorer):
    answer = ask(explorer)
    expected = expected_log_probabilities(checkpoint, answer)
    predicted = ids(answer["predicted"])
    of_predicted = expected[np.arange(len(predicted)), predicted]
    np.testing.assert_allclose(answer["log_probabilities"], of_predicted, rtol=1e-12)
    assert answer["log_probability"] == pytest.approx(of_predicted.sum(), rel=1e-12)
    assert len(answer["next"]) == len(predicted)
    for row, next_tokens, token in zip(np.exp(expected), answer["next"], predicted, strict=True):
        order = np.argsort(-row, kind="stable")
        assert [entry["token"]["id"] for entry in next_tokens["likeliest"]] == order[:10].tolist()
        likeliest = [entry["probability"] for entry in next_tokens["likeliest"]]
        np.testing.assert_allclose(likeliest, row[order[:10]], rtol=1e-9)
        assert next_tokens["taken"]["token"]["id"] == token
        assert next_tokens["taken"]["rank"] == order.tolist().index(token) + 1
        assert next_tokens["taken"]["probability"] == pytest.approx(row[token], rel=1e-9)


def test_every_step_is_listed_in_order_with_contributions_after_weights(explorer):
    answer = ask(explorer)
    trace = run_of(explorer, answer).trace
    listed = [step["path"] for step in answer["steps"]]
    assert [path for path in listed if not path.endswith(".contributions")] == trace.paths
    source_len, target_len = len(answer["source"]), len(answer["decoder_input"])
    for place, path in enumerate(listed):
        if path.endswith(".contributions"):
            assert listed[place - 1] == path.replace("contributions", "weights")
    cross = next(
        step for step in answer["steps"]
        if step["path"] == "decoder.layers.1.cross_attention.contributions"
    )  # fmt: skip
    assert cross["shape"] == [1, 4, target_len, source_len, 8]
    assert cross["axes"] == ["batch", "heads", "query_len", "key_len", "value_dim"]
    for step in answer["steps"]:
        assert step["replaced"] is False
        assert step["derivations"], f"{step['path']} says where its numbers come from"


def test_attention_is_listed_by_part_and_layer(explorer):
    answer = ask(explorer)
    attention = {(entry["part"], entry["layer"]): entry for entry in answer["attention"]}
    assert list(attention) == [(part, layer) for part in ("encoder", "decoder", "cross")
                           for layer in (0, 1)]  # fmt: skip
    cross = attention["cross", 1]
    assert cross["path"] == "decoder.layers.1.cross_attention"
    assert (cross["queries"], cross["keys"]) == (len(answer["predicted"]), len(answer["source"]))
    shapes = {step["path"]: step["shape"] for step in answer["steps"]}
    for entry in answer["attention"]:
        assert shapes[f"{entry['path']}.weights"] == [
            1, entry["heads"], entry["queries"], entry["keys"],
        ]  # fmt: skip


def test_the_check_is_the_fast_engine_token_by_token(checkpoint, explorer):
    answer = ask(explorer)
    decoding = checkpoint.engine().begin([ids(answer["source"])])
    cached = [
        decoding.advance(np.array([token]), np.array([0]))[0]
        for token in ids(answer["decoder_input"])
    ]
    largest = np.abs(np.array(cached) - expected_log_probabilities(checkpoint, answer)).max()
    assert answer["check"]["largest"] == pytest.approx(largest, rel=1e-6)
    assert 0 < answer["check"]["largest"] < 1e-3
    assert answer["check"]["reference"] == "NumPy float64"


@pytest.mark.parametrize("edits", [[ABLATE], [SET], [{"kind": "mask_token", "position": 2}]])
def test_the_check_of_an_edited_run_compares_edited_with_edited(checkpoint, explorer, edits):
    answer = ask(explorer, edits=edits)
    run = run_of(explorer, answer)
    expected = expected_log_probabilities(checkpoint, answer, run.request.edits)
    plain = expected_log_probabilities(checkpoint, answer)
    assert 0 < answer["check"]["largest"] < 1e-3
    assert np.abs(expected - plain).max() > 10 * answer["check"]["largest"]
    of_predicted = expected[np.arange(len(run.predicted)), list(run.predicted)]
    np.testing.assert_allclose(answer["log_probabilities"], of_predicted, rtol=1e-12)


def test_an_edited_run_knows_the_run_without_edits(checkpoint, explorer):
    plain, answer = ask(explorer), ask(explorer, edits=[ABLATE])
    baseline = answer["baseline"]
    assert baseline["translation"] == plain["translation"]
    assert baseline["predicted"] == plain["predicted"]
    assert baseline["log_probability"] == plain["log_probability"]
    edits = run_of(explorer, answer).request.edits
    expected = expected_log_probabilities(checkpoint, plain, edits)
    predicted = ids(plain["predicted"])
    under_edits = expected[np.arange(len(predicted)), predicted].sum()
    assert baseline["target_log_probability"] == pytest.approx(under_edits, rel=1e-12)
    assert baseline["target_log_probability"] != pytest.approx(plain["log_probability"], rel=1e-6)


def test_only_changed_steps_say_replaced_and_which_elements(explorer):
    answer = ask(explorer, edits=[ABLATE, SET])
    replaced_at = {
        step["path"]: step["replaced_at"] for step in answer["steps"] if step["replaced"]
    }
    assert replaced_at == {
        "decoder.layers.1.cross_attention.output": [{"edit": 0, "index": [None, 2, None, None]}],
        "decoder.layers.0.cross_attention.weights": [{"edit": 1, "index": [None, 1, 1, None]}],
    }


def test_a_swapped_token_is_read_by_the_model(explorer):
    edits = [{"kind": "swap_token", "position": 1, "token": 300}]
    plain, answer = ask(explorer), ask(explorer, edits=edits)
    assert ids(answer["source"]) == [ids(plain["source"])[0], 300, *ids(plain["source"])[2:]]
    run = run_of(explorer, answer)
    assert run.trace["encoder.tokens"].value[0].tolist() == ids(answer["source"])
    assert answer["log_probability"] != plain["log_probability"]


def test_a_given_target_is_walked_instead(checkpoint, explorer):
    answer = ask(explorer, target="la maison", edits=[ABLATE])
    assert answer["target_given"] is True
    assert answer["translation"] == "la maison"
    assert ids(answer["predicted"]) == [*checkpoint.tokenizer.encode("la maison"), 2]
    assert answer["baseline"]["target_log_probability"] == answer["log_probability"]
    assert answer["baseline"]["log_probability"] != answer["log_probability"]


def test_a_target_that_is_too_long_is_refused(explorer):
    with pytest.raises(ShapeError, match=r"longer than this model's max_length of 64"):
        ask(explorer, target="the house by the river " * 30)


def test_a_long_text_is_walked_sentence_by_sentence(explorer):
    text = "The man walks.\n\n Where is the house?  " + "The old woman and the man walk. " * 40
    answer = ask(explorer, text=text, beam_size=1)
    assert "".join(piece["text"] for piece in answer["sentences"]) == text
    places = [place for place, piece in enumerate(answer["sentences"]) if piece["translated"]]
    assert len(places) == 42
    second = ask(explorer, text=text, beam_size=1, sentence=places[1])
    assert answer["sentences"][second["sentence"]]["text"] == "Where is the house?"
    assert ids(second["source"]) == ids(ask(explorer, text="Where is the house?")["source"])


def test_a_sentence_without_an_end_is_cut_where_the_model_can_read_it(explorer):
    answer = ask(explorer, text="the old man and the young woman " * 30, beam_size=1)
    assert len(answer["sentences"]) > 3
    for place, piece in enumerate(answer["sentences"]):
        if piece["translated"]:
            walk = ask(explorer, text=answer["text"], beam_size=1, sentence=place)
            assert len(walk["source"]) <= explorer.models.config.max_length


def test_what_is_kept_as_it_is_moves_on_to_the_next_sentence(explorer):
    answer = ask(explorer, text="\n  \nThe man.\n", beam_size=1)
    piece = answer["sentences"][answer["sentence"]]
    assert (piece["text"], piece["translated"], piece["rules"]) == ("The man.", True, [])
    assert answer["request"]["sentence"] == answer["sentence"] > 0
    last = len(answer["sentences"]) - 1
    assert ask(explorer, text="\n  \nThe man.\n", sentence=last)["sentence"] == answer["sentence"]


def test_a_sentence_that_there_is_not_is_refused(explorer):
    with pytest.raises(ConfigError, match=r"cut into 1 piece, so sentence must be .* 0; it is 3\."):
        ask(explorer, sentence=3)


def test_a_text_without_letters_is_refused(explorer):
    with pytest.raises(TextError, match=r"nothing to translate in this text: what has no letters"):
        ask(explorer, text="12 + 30 = 42")


@pytest.mark.parametrize("size", [200, 3000])
def test_a_word_that_is_too_long_is_refused_as_that(explorer, size):
    words = rf"a word may have 199 characters, and its longest has {size:,}\. .* Put spaces"
    with pytest.raises(TextError, match=words):
        ask(explorer, text="a" * size)
    with pytest.raises(TextError, match=words):
        ask(explorer, text="1234\n" + "ab" * (size // 2) + " 12")


def test_half_a_character_is_refused(explorer):
    with pytest.raises(TextError, match="lone surrogate"):
        ask(explorer, text="The \ud800 cat.")
    with pytest.raises(TextError, match="lone surrogate"):
        ask(explorer, target="le \ud800")


def test_edits_are_checked_against_the_sentence(explorer):
    with pytest.raises(ShapeError, match=r"so position must be between 0 and \d+; it is 63\."):
        ask(explorer, edits=[{"kind": "mask_token", "position": 63}])
    with pytest.raises(ConfigError, match=r"has 2 layers, so layer must be"):
        ask(explorer, edits=[{**ABLATE, "layer": 2}])
    with pytest.raises(ShapeError, match=r"the decoder reads \d tokens here.*it is 60"):
        ask(explorer, target="la", edits=[{**SET, "query": 60}])


def test_an_edit_whose_query_is_never_reached_is_said(explorer, monkeypatch):
    from clearhead.explorer.answers import run as run_module

    monkeypatch.setattr(run_module, "check_queries", lambda edits, lengths: [0])
    answer = ask(explorer, edits=[{**SET, "value": 0.125}])
    assert answer["notes"] == [{"kind": "unreached", "edit": 0}]
    assert not any(step["replaced"] for step in answer["steps"])


def test_where_translating_protects_something_the_walk_says_so(explorer):
    plain = ask(explorer)
    protected = ask(explorer, text="The old man {name} walks.")
    translator = explorer.models.translator
    assert plain["notes"] == []
    (note,) = protected["notes"]
    assert note["kind"] == "protected"
    assert note["translation"] == translator.translate("The old man {name} walks.").text
    assert "{name}" in note["translation"] != protected["translation"]


def test_an_answer_is_json_without_infinities(explorer):
    answer = ask(explorer, edits=[ABLATE, {"kind": "mask_token", "position": 0}])
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
