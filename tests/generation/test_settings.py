from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.generation.settings import DEFAULT_NEW_TOKENS, GenerationSettings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_beams": 0}, "num_beams must be at least 1; it is 0."),
        ({"early_stopping": "soon"}, "early_stopping must be one of False, True, never; it is"),
        ({"temperature": -1.0}, "temperature must be at least 0; it is -1.0."),
        ({"temperature": 0, "do_sample": True}, "temperature must be above 0 where tokens are"),
        ({"top_p": 1.1}, "top_p must be at least 0 and at most 1; it is 1.1."),
        ({"repetition_penalty": 0.0}, "repetition_penalty must be above 0; it is 0.0."),
        ({"length_penalty": float("inf")}, "length_penalty must be a finite number; it is inf."),
        ({"eos_token_id": [2, -1]}, "eos_token_id[1] must be at least 0; it is -1."),
        ({"bad_words_ids": [[]]}, "bad_words_ids holds an empty sequence"),
        ({"bad_words_ids": [3]}, "bad_words_ids[0] must be a list; it is 3."),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1; it is 0."),
        ({"do_sample": 1}, "do_sample must be true or false; it is 1."),
        ({"num_return_sequences": 2}, "2 sequences were asked of a beam of 1."),
        ({"num_return_sequences": 4, "num_beams": 3}, "4 sequences were asked of a beam of 3."),
        ({"beams": 4}, "Unknown generation setting 'beams'. The settings are: max_new_tokens,"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ConfigError) as error:
        GenerationSettings.of(**changes)
    assert message in str(error.value)


def test_single_ids_and_lists_stand_for_tuples():
    settings = GenerationSettings.of(
        eos_token_id=2, suppress_tokens=np.array([4, 5]), bad_words_ids=[[1], [2, 3]],
        forced_eos_token_id=None,
    )  # fmt: skip
    assert settings.eos_token_id == (2,)
    assert settings.suppress_tokens == (4, 5)
    assert settings.bad_words_ids == ((1,), (2, 3))
    assert settings.forced_eos_token_id == ()
    assert hash(settings) == hash(GenerationSettings.of(settings))


def test_what_a_caller_says_of_lengths_goes_before_what_was_said_earlier():
    base = GenerationSettings(max_new_tokens=9, min_new_tokens=4)
    assert GenerationSettings.of(base, max_length=30).longest(10) == 30
    assert GenerationSettings.of(base, min_length=3).shortest(10) == 3
    assert GenerationSettings.of(base, max_new_tokens=5).longest(10) == 15


def test_lengths():
    assert GenerationSettings().longest(7) == 7 + DEFAULT_NEW_TOKENS
    assert GenerationSettings().longest(7, positions=64) == 65
    assert GenerationSettings(max_length=20, max_new_tokens=3).longest(7) == 10
    assert GenerationSettings(max_length=20).longest(7, positions=64) == 20
    assert GenerationSettings(min_length=5).shortest(7) == 5
    assert GenerationSettings(min_length=5, min_new_tokens=2).shortest(7) == 9


def test_samples_of_sampling_need_no_beam():
    assert GenerationSettings(do_sample=True, num_return_sequences=9).num_beams == 1
