"""Settings that contradict each other are refused in words that help."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError
from clearhead.search.settings import SearchSettings


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"beam_size": 0}, "beam_size must be at least 1; it is 0."),
        ({"length_penalty": float("nan")}, "length_penalty must be a finite number; it is nan."),
        ({"length_penalty": -1}, "length_penalty must be at least 0; it is -1."),
        (
            {"max_length_ratio": float("inf")},
            "max_length_ratio must be a finite number; it is inf.",
        ),
        ({"beam_size": 2.0}, "beam_size must be a whole number; it is 2.0."),
        ({"sample": 1}, "sample must be true or false; it is 1."),
        ({"n_best": 5, "beam_size": 4}, "5 hypotheses were asked of a beam of 4. Use beam_size=5"),
        ({"min_length": 9, "max_length": 8}, "min_length must not exceed max_length; 9 is more"),
        ({"temperature": 0.0}, "temperature must be above 0; it is 0.0."),
        ({"top_p": 1.5}, "top_p must be above 0 and at most 1; it is 1.5."),
        ({"normalization": "mean"}, "must be one of length, gnmt, none; it is 'mean'."),
        ({"stop": "early"}, "stop must be one of exact, patience, first; it is 'early'."),
        (
            {"stop": "patience", "patience": 0.5},
            "patience must be at least 1; it is 0.5.",
        ),
        (
            {"patience": 3.0},
            "patience belongs to stop='patience'; patience is 3.0 and stop is 'exact'. Set",
        ),
        ({"beams": 3}, "Unknown search setting 'beams'. The settings are: beam_size, n_best,"),
    ],
)
def test_refused(changes, message):
    with pytest.raises(ConfigError) as error:
        SearchSettings.of(**changes)
    assert message in str(error.value)


def test_a_beam_grows_to_n_best():
    assert SearchSettings.of(n_best=7).beam_size == 7
    assert SearchSettings.of(SearchSettings(beam_size=9), n_best=7).beam_size == 9


def test_another_stop_leaves_patience_behind():
    patient = SearchSettings.of(stop="patience", patience=3.0)
    assert SearchSettings.of(patient, beam_size=2).patience_factor == 3.0
    assert SearchSettings.of(patient, stop="first").patience is None
    assert SearchSettings.of(stop="patience").patience_factor == 2.0


def test_limit_grows_with_the_source_up_to_the_maximum():
    settings = SearchSettings(max_length=50, max_length_ratio=2.0, max_length_extra=10)
    assert [settings.limit(length) for length in (1, 10, 100)] == [12, 30, 50]
    assert SearchSettings(max_length=50, min_length=40).limit(1) == 40
