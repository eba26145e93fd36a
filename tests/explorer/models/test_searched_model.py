"""A source is read, and its target is searched for or given."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.models.translation import TranslationModel


@pytest.fixture(scope="module")
def model(checkpoint):
    return TranslationModel(checkpoint)


@pytest.fixture(scope="module")
def source(model):
    return (*model.tokenizer.encode("The man walks."), 2)


def complete(model, source, **params):
    return model.complete(source, RunQuestion(text="The man walks.", **params), {})


def test_the_target_is_the_best_of_a_search(model, source):
    passage = complete(model, source, beam_size=3).passage
    best = model.search(model.fast, source, 3)[0]
    assert (passage.source, passage.target) == (source, (1, *best.tokens))
    assert passage.predicted == (*best.tokens, 2)
    assert passage.scored_positions == tuple(range(len(best.tokens) + 1))
    assert passage.text == model.tokenizer.decode(best.tokens).strip()


def test_a_given_target_is_taken_as_text_or_as_ids(model, source):
    words = tuple(model.tokenizer.encode("la maison"))
    by_text = complete(model, source, target="la maison").passage
    by_ids = complete(model, source, target_ids=words).passage
    assert by_text == by_ids
    assert (by_text.target_ids, by_text.prompt) == (words, 1)


def test_the_fast_rows_are_the_engines_token_by_token(model, source):
    completion = complete(model, source, target="la maison")
    decoding, first = model.fast.begin([source]), np.array([0])
    rows = [decoding.advance(np.array([token]), first)[0] for token in completion.passage.target]
    np.testing.assert_array_equal(completion.fast(slice(0, 2)), rows[:2])
    np.testing.assert_array_equal(completion.fast(slice(1, None)), rows[1:])
