"""One model twice: what translates fast, and what is exact."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.explorer.contract.edits import OutputTemperature, changes_of
from clearhead.explorer.models.translation import TranslationModel
from clearhead.search.search import search
from clearhead.search.settings import SearchSettings
from clearhead.translation.checkpoint import read_checkpoint
from tests.translation.conftest import write_checkpoint


@pytest.fixture
def models(checkpoint):
    return TranslationModel(checkpoint)


def test_the_reference_is_exact_and_the_engine_is_fast(models):
    source, target = [300, 301, 2], [1, 302]
    exact = models.reference.log_probabilities(np.array([source]), np.array([target]))[0]
    decoding = models.fast.begin([source])
    fast = [decoding.advance(np.array([token]), np.array([0]))[0] for token in target]
    assert (exact.dtype, fast[0].dtype) == (np.float64, np.float32)
    np.testing.assert_allclose(fast, exact, atol=1e-4)


@pytest.mark.parametrize("sides", [(0, 2), (2, 0)])
def test_a_model_without_encoder_or_decoder_is_refused(tmp_path, sides):
    encoder, decoder = sides
    folder = write_checkpoint(tmp_path / "m", encoder_layers=encoder, decoder_layers=decoder)
    words = f"this one has {encoder} encoder and {decoder} decoder layers"
    with pytest.raises(ConfigError, match=words):
        TranslationModel(read_checkpoint(folder))


def test_an_engine_is_edited_only_where_there_is_an_edit(models):
    assert models.fast_with({}) is models.fast
    edited = models.fast_with(changes_of([OutputTemperature(value=2.0)], models.config))
    source = [[300, 2]]
    plain, flat = (
        engine.begin(source).advance(np.array([1]), np.array([0]))[0]
        for engine in (models.fast, edited)
    )
    halves = np.exp(plain / 2)
    np.testing.assert_allclose(np.exp(flat), halves / halves.sum(), rtol=1e-4)


def test_a_sentence_is_translated_once_for_each_beam(models):
    sentences = ["The man walks.", "Where is it?", "The man walks."]
    first, other, again = models.translations(sentences, 2)
    assert first is again
    assert other.source == "Where is it?"
    assert models.translations(sentences[:1], 2)[0] is first
    assert models.translations(sentences[:1], 1)[0] is not first
    translator = models.translator
    assert first.text == translator.translate("The man walks.", split=False, beam_size=2).text


def test_a_search_has_the_translators_settings(models):
    assert models.search_settings(3).beam_size == 3
    source = [*models.tokenizer.encode("The man walks."), models.config.end_id]
    hypotheses = models.search(models.fast, source, 3)
    scores = [hypothesis.score for hypothesis in hypotheses]
    assert 1 <= len(scores) <= 3
    assert scores == sorted(scores, reverse=True)
    settings = SearchSettings.of(models.translator.settings, beam_size=3, n_best=1)
    assert search(models.fast, [source], settings, special=models.special)[0] == hypotheses[:1]


def test_a_token_has_a_piece_even_beyond_the_tokenizer(models):
    assert models.token(2) == {"id": 2, "piece": "</s>", "special": True}
    last = models.tokenizer.vocab_size
    assert models.token(last) == {"id": last, "piece": f"<{last}>", "special": False}
    (token,) = models.tokens(np.array([last - 1]))
    assert token["piece"] == models.tokenizer.pieces([last - 1])[0]
    assert type(token["id"]) is int
