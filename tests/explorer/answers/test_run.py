"""A walked sentence: what it shows is what the reference computes."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError, ShapeError, TextError
from clearhead.explorer.explorer import Explorer
from clearhead.translation.checkpoint import read_checkpoint
from clearhead.translation.translator import Translator
from tests.explorer.answers.asking import (
    ABLATE,
    SET,
    TEXT,
    ask,
    expected_log_probabilities,
    ids,
    run_of,
)


def test_the_translation_is_the_translators(checkpoint, explorer):
    answer = ask(explorer, beam_size=3)
    translator = Translator.from_checkpoint(checkpoint)
    assert answer["translation"] == translator.translate(TEXT, beam_size=3, protect=False).text
    assert answer["baseline"] is None
    assert answer["target_given"] is False


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


def test_a_register_is_a_tag_in_front_of_what_the_model_reads():
    explorer = Explorer(read_checkpoint("en-fr"), name="en-fr")
    plain = explorer.answer("run", {"text": "You are late."}).json
    assert explorer.answer("model", None).json["registers"] == ["tu", "vous"]
    for register, words in (("tu", "Tu es"), ("vous", "Vous êtes")):
        answer = explorer.answer("run", {"text": "You are late.", "formality": register}).json
        assert answer["translation"].startswith(words)
        assert len(answer["source"]) == len(plain["source"]) + 1
        assert answer["sentences"][0]["translation"].startswith(words)


def test_a_register_that_a_model_does_not_know_is_refused(explorer):
    with pytest.raises(ConfigError, match="without registers"):
        explorer.answer("run", {"text": "The house", "formality": "tu"})
