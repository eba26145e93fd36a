"""Settings in CTranslate2's words; what it has no words for is refused, and never left out."""

from __future__ import annotations

import dataclasses

import pytest

from clearhead.errors import ConfigError
from clearhead.search.settings import SearchSettings
from clearhead.volume import ctranslate2_settings
from clearhead.volume.ctranslate2_settings import batch_options, check, problems, stop_note

# Settings that CTranslate2 follows, or that act on nothing unless another one is set.
FOLLOWED = {
    "beam_size", "n_best", "length_penalty", "normalization", "min_length", "max_length",
    "max_length_ratio", "max_length_extra", "stop", "patience", "temperature", "top_k", "top_p",
    "seed",
}  # fmt: skip


def test_every_setting_is_followed_or_refused():
    names = {field.name for field in dataclasses.fields(SearchSettings)}
    assert names <= FOLLOWED | ctranslate2_settings._WITHOUT_WORDS.keys()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sample": True}, "sample=True"),
        ({"sibling_diversity": 0.5}, "sibling_diversity=0.5"),
        ({"no_repeat_ngram_size": 3}, "no_repeat_ngram_size=3"),
        ({"min_length": 4}, "min_length=4"),
        ({"normalization": "gnmt"}, "normalization='gnmt'"),
    ],
)
def test_what_it_cannot_do_is_named(changes, words):
    settings = SearchSettings.of(**changes)
    with pytest.raises(ConfigError, match="CTranslate2 cannot search with") as error:
        check(settings)
    assert words in str(error.value)
    assert "use the engine numpy or torch" in str(error.value)


def test_the_defaults_are_followed():
    assert problems(SearchSettings()) == []
    options = batch_options(SearchSettings(stop="first"), 30)
    assert (options["beam_size"], options["num_hypotheses"]) == (4, 4)
    assert options["max_decoding_length"] == 31
    assert (options["length_penalty"], options["min_decoding_length"]) == (1.0, 0)


@pytest.mark.parametrize(("normalization", "power"), [("length", 0.6), ("none", 0.0)])
def test_scores_are_divided_as_ours(normalization, power):
    settings = SearchSettings(length_penalty=0.6, normalization=normalization)
    assert batch_options(settings, 9)["length_penalty"] == power


def test_the_exact_rule_is_refused_where_it_was_asked_for_and_told_of_otherwise():
    settings = SearchSettings(stop="exact")
    assert problems(settings) == []
    assert stop_note(settings) == "stops at 6 ended hypotheses, not at the exact bound"
    with pytest.raises(ConfigError, match="stop='exact'"):
        check(settings, {"stop"})
    assert batch_options(settings, 9)["patience"] == 1.5
    greedy = SearchSettings(beam_size=1, stop="exact")
    assert (problems(greedy, {"stop"}), stop_note(greedy)) == ([], "")
    assert batch_options(greedy, 9)["patience"] == 1


def test_a_patience_is_handed_on():
    for patience, expected in ((None, 2.0), (1.5, 1.5)):
        settings = SearchSettings(stop="patience", patience=patience)
        assert (problems(settings, {"stop"}), stop_note(settings)) == ([], "")
        options = batch_options(settings, 9)
        assert (options["patience"], options["min_decoding_length"]) == (expected, 1)
