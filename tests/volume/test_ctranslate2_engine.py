"""The search of CTranslate2 gives the tokens that ours gives."""

from __future__ import annotations

import pytest

pytest.importorskip("ctranslate2")

from clearhead.errors import ConfigError
from clearhead.search.search import search
from clearhead.search.settings import SearchSettings
from clearhead.volume.ctranslate2_engine import CTranslate2Engine
from clearhead.volume.ctranslate2_model import write_model
from clearhead.volume.layout import Layout
from tests.volume.conftest import random_sources, vocabulary_of


class Pair:
    """Both engines of a model, and what the other one has asked ours for."""

    def __init__(self, checkpoint, folder):
        self.ours, self.asked_ours = checkpoint.engine(), []
        vocabulary = vocabulary_of(checkpoint)
        write_model(checkpoint.config, checkpoint.weights, vocabulary.pieces, folder)
        layout = Layout(2, 1, batch_tokens=40)
        self.theirs = CTranslate2Engine(folder, vocabulary, "float32", layout, self.own_search)

    def own_search(self, sources, settings, prefixes):
        self.asked_ours += sources
        return search(self.ours, sources, settings, prefixes=prefixes, spares=True)


@pytest.fixture(scope="module")
def both(checkpoint, tmp_path_factory):
    return Pair(checkpoint, tmp_path_factory.mktemp("ctranslate2"))


def first_rule(**changes):
    """Settings of a search that stops as CTranslate2 does."""
    return SearchSettings.of(SearchSettings(max_length=30, stop="first"), **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"beam_size": 1},
        {"beam_size": 4},
        {"length_penalty": 0.6},
        {"normalization": "none"},
        {"min_length": 0},
        {"stop": "patience", "patience": 1.5, "min_length": 0},
        {"beam_size": 2, "max_length_ratio": 1.0, "max_length_extra": 2},
    ],
)
def test_the_same_tokens_and_scores(both, checkpoint, changes):
    settings, sources = first_rule(**changes), random_sources(checkpoint, 24)
    both.asked_ours.clear()
    theirs = both.theirs.search(sources, settings, [()] * len(sources))
    assert len(both.asked_ours) < len(sources), "all were ours"
    ours = search(both.ours, sources, settings)
    for there, here in zip(theirs, ours, strict=True):
        assert there[0].tokens == here[0].tokens
        assert there[0].score == pytest.approx(here[0].score, abs=1e-4)
        assert there[0].log_prob == pytest.approx(here[0].log_prob, abs=1e-3)


def test_a_target_that_may_not_be_longer_is_ours(both, checkpoint):
    sources = random_sources(checkpoint, 6)
    settings = first_rule(max_length=2)
    theirs = both.theirs.search(sources, settings, [()] * 6)
    assert theirs == search(both.ours, sources, settings, spares=True)


def test_a_prefix_is_followed_by_ours(both, checkpoint):
    sources = random_sources(checkpoint, 3)
    both.asked_ours.clear()
    (_, (best, *_), _) = both.theirs.search(sources, first_rule(), [(), (7, 8), ()])
    assert best.tokens[:2] == (7, 8)
    assert sources[1] in both.asked_ours


def test_progress_reaches_the_number_of_sources(both, checkpoint):
    counts = []
    sources = random_sources(checkpoint, 12)
    both.theirs.search(sources, first_rule(), [()] * 12, counts.append)
    assert counts == sorted(counts)
    assert counts[-1] == 12


def test_settings_that_it_cannot_follow_are_refused(both):
    with pytest.raises(ConfigError, match="sample=True"):
        both.theirs.search([[5, 2]], SearchSettings.of(sample=True, stop="first"), [()])


def test_names_and_ids_are_each_others(checkpoint):
    vocabulary = vocabulary_of(checkpoint)
    ids = tuple(range(checkpoint.config.vocab_size))
    assert vocabulary.ids(vocabulary.names(ids)) == ids
