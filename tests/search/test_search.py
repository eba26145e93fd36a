"""Search against tables that can be worked out by hand, and against exhaustive search."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from clearhead.search.search import search
from clearhead.search.settings import SearchSettings

END, A, B = 2, 3, 4
FIRST, SECOND = 3, 4  # two sources, told apart by their first token
SOURCES = [[FIRST, END], [SECOND, END]]

# The probabilities of fairseq's tests/test_sequence_generator.py, by prefix.
BEAM_TABLES = {
    FIRST: {
        (): {A: 0.9, B: 0.1},
        (A,): {END: 1.0},
        (B,): {A: 0.9, B: 0.1},
        (B, A): {A: 0.1, B: 0.9},
        (B, B): {END: 0.6, A: 0.2, B: 0.2},
    },
    SECOND: {
        (): {A: 0.7, B: 0.3},
        (A,): {END: 0.25, A: 0.35, B: 0.4},
        (B,): {A: 0.1, B: 0.9},
        (A, B): {END: 0.6, A: 0.4},
        (B, B): {END: 0.01, B: 0.99},
        (B, B, B): {END: 0.1, A: 0.5, B: 0.4},
    },
}
DIVERSE_TABLES = {
    FIRST: {
        (): {A: 0.9, B: 0.1},
        (A,): {A: 0.6, B: 0.4},
        (B,): {A: 0.6, B: 0.4},
    },
    SECOND: {
        (): {A: 0.7, B: 0.3},
        **{(first,): {END: 0.25, A: 0.35, B: 0.4} for first in (A, B)},
        **{pair: {END: 0.9, A: 0.1} for pair in itertools.product((A, B), repeat=2)},
    },
}
SAMPLING_TABLES = {
    source: {(): {A: 1.0}, (A,): {END: 0.25, A: 0.4, B: 0.35}} for source in (FIRST, SECOND)
}


def check(hypothesis, tokens, probabilities, *, alpha=1.0, penalties=None):
    """The tokens, the log-probability of each, and the score that follows from them."""
    log_probs = np.log(probabilities) - (0 if penalties is None else np.array(penalties))
    assert hypothesis.tokens == tuple(tokens)
    np.testing.assert_allclose(hypothesis.token_log_probs, log_probs, atol=1e-6)
    assert hypothesis.log_prob == pytest.approx(log_probs.sum(), abs=1e-6)
    assert hypothesis.score == pytest.approx(log_probs.sum() / len(log_probs) ** alpha, abs=1e-6)
    assert hypothesis.ended


SHORT_FIRST = ([A], [0.9, 1.0])
LONG_FIRST = ([B, A, B], [0.1, 0.9, 0.9, 1.0])
SHORT_SECOND = ([A, B], [0.7, 0.4, 0.6])
LONG_SECOND = ([A, B, A], [0.7, 0.4, 0.4, 1.0])


@pytest.mark.parametrize(
    ("settings", "alpha", "expected"),
    [
        ({}, 1.0, [[SHORT_FIRST, LONG_FIRST], [LONG_SECOND, SHORT_SECOND]]),
        (
            {"normalization": "none"},
            0.0,
            [[SHORT_FIRST, LONG_FIRST], [SHORT_SECOND, LONG_SECOND]],
        ),
        (
            {"length_penalty": 0.6},
            0.6,
            [[SHORT_FIRST, LONG_FIRST], [SHORT_SECOND, LONG_SECOND]],
        ),
        (
            {"length_penalty": 5.0},
            5.0,
            [[LONG_FIRST, SHORT_FIRST], [LONG_SECOND, SHORT_SECOND]],
        ),
        (
            {"max_length": 2},
            1.0,
            [
                [SHORT_FIRST, ([B, B], [0.1, 0.1, 0.6])],
                [SHORT_SECOND, ([B, B], [0.3, 0.9, 0.01])],
            ],
        ),
    ],
    ids=["normalized", "not normalized", "favours short", "favours long", "maximum length"],
)
def test_fairseq_beam_tables(table_engine, settings, alpha, expected):
    settings = SearchSettings(beam_size=2, n_best=2, stop="first", **settings)
    results = search(table_engine(5, BEAM_TABLES), SOURCES, settings)
    for hypotheses, lines in zip(results, expected, strict=True):
        assert len(hypotheses) == 2
        for hypothesis, (tokens, probabilities) in zip(hypotheses, lines, strict=True):
            check(hypothesis, tokens, probabilities, alpha=alpha)


def test_fairseq_diverse_siblings_table(table_engine):
    settings = SearchSettings(beam_size=2, n_best=2, stop="first", sibling_diversity=0.5)
    first, second = search(table_engine(5, DIVERSE_TABLES), SOURCES, settings)
    check(first[0], [A, A], [0.9, 0.6, 1.0], penalties=[0, 0.5, 0.5])
    check(first[1], [A, B], [0.9, 0.4, 1.0], penalties=[0, 1.0, 0.5])
    check(second[0], [A, B], [0.7, 0.4, 0.9], penalties=[0, 0.5, 0.5])
    check(second[1], [A, A], [0.7, 0.35, 0.9], penalties=[0, 1.0, 0.5])


def test_fairseq_top_p_tables(table_engine):
    engine = table_engine(5, SAMPLING_TABLES)
    low = SearchSettings(beam_size=2, n_best=2, sample=True, top_p=0.2)
    for hypotheses in search(engine, SOURCES, low):
        assert len(hypotheses) == 2
        for hypothesis in hypotheses:
            check(hypothesis, [A, A], [1.0, 0.4, 1.0])
    samples = set()
    for seed in range(20):
        high = SearchSettings(beam_size=2, n_best=2, sample=True, top_p=0.575, seed=seed)
        for hypotheses in search(engine, SOURCES, high):
            for hypothesis in hypotheses:
                samples.add(hypothesis.tokens)
                second = 0.4 if hypothesis.tokens == (A, A) else 0.35
                check(hypothesis, hypothesis.tokens, [1.0, second, 1.0])
    assert samples == {(A, A), (A, B)}


def test_gnmt_penalty_ranks_by_its_formula(table_engine):
    settings = SearchSettings(beam_size=2, n_best=2, normalization="gnmt", length_penalty=0.8)
    results = search(table_engine(5, BEAM_TABLES), SOURCES, settings)
    for hypotheses in results:
        assert hypotheses[0].score >= hypotheses[1].score
        for hypothesis in hypotheses:
            penalty = ((5 + len(hypothesis.tokens) + 1) / 6) ** 0.8
            assert hypothesis.score == pytest.approx(hypothesis.log_prob / penalty)


def exhaustive(engine, source, longest):
    """The likeliest target of at most ``longest`` tokens, by trying them all."""
    best = (-math.inf, ())
    words = range(3, engine.vocab_size)
    for length in range(1, longest + 1):
        for target in itertools.product(words, repeat=length):
            total = sum(
                float(engine.function(source, target[:place])[token])
                for place, token in enumerate((*target, END))
            )
            best = max(best, (total / (length + 1), target))
    return best


def test_wide_beam_finds_what_exhaustive_search_finds(arbitrary_engine):
    engine = arbitrary_engine(40)
    settings = SearchSettings(beam_size=39, max_length=2)
    for source in ([5, END], [9, 8, END], [11, END]):
        score, target = exhaustive(engine, tuple(source), 2)
        (results,) = search(engine, [source], settings)
        assert results[0].score == pytest.approx(score, abs=1e-5)
        assert results[0].tokens == target


def test_greedy_is_a_beam_of_one_and_follows_the_likeliest_token(arbitrary_engine):
    engine = arbitrary_engine(50)
    settings = SearchSettings(beam_size=1, min_length=0, max_length_extra=200)
    (hypotheses,) = search(engine, [[8, 9, END]], settings)
    prefix: tuple[int, ...] = ()
    while True:
        log_probs = engine.function((8, 9, END), prefix)
        log_probs[:2] = -np.inf
        token = int(log_probs.argmax())
        if token == END:
            break
        prefix = (*prefix, token)
    assert hypotheses[0].tokens == prefix


@pytest.mark.parametrize(
    "settings",
    [
        {"beam_size": 1},
        {"beam_size": 4, "n_best": 4},
        {"beam_size": 3, "sample": True, "n_best": 3, "top_k": 10},
        {"beam_size": 3, "no_repeat_ngram_size": 2, "sibling_diversity": 0.1},
        {"beam_size": 4, "stop": "patience"},
        {"beam_size": 4, "n_best": 2, "stop": "first"},
    ],
)
def test_neighbours_do_not_matter(arbitrary_engine, settings):
    engine = arbitrary_engine(60)
    settings = SearchSettings(max_length=12, **settings)
    sources = [[3 + n % 50, *range(3, 3 + n % 7), END] for n in range(25)]
    together = search(engine, sources, settings)
    alone = [search(engine, [source], settings)[0] for source in sources]
    assert together == alone
    assert len({hypotheses[0].tokens for hypotheses in together}) > 15


def test_finished_sources_leave_the_batch(table_engine):
    endless = {(A,) * length: {A: 1.0} for length in range(9)}
    engine = table_engine(5, {FIRST: {(): {A: 1.0}}, SECOND: endless})
    search(engine, SOURCES, SearchSettings(beam_size=1))
    assert engine.rows == [2, 2] + [1] * 8


def test_lengths(arbitrary_engine):
    engine = arbitrary_engine(30)
    for beam_size in (1, 4):
        settings = SearchSettings(beam_size=beam_size, n_best=beam_size, min_length=6, max_length=9)
        for hypotheses in search(engine, [[n, END] for n in range(3, 20)], settings):
            assert all(6 <= len(hypothesis.tokens) <= 9 for hypothesis in hypotheses)


def test_length_is_bounded_by_the_source(table_engine):
    endless = table_engine(5, {FIRST: {(A,) * n: {A: 0.9, END: 0.1} for n in range(400)}})
    settings = SearchSettings(beam_size=1, max_length_ratio=2.0, max_length_extra=3)
    (hypotheses,) = search(endless, [[FIRST, FIRST, END]], settings)
    assert len(hypotheses[0].tokens) == 2 * 3 + 3
    assert hypotheses[0].token_log_probs[-1] == pytest.approx(math.log(0.1))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("beam_size", [1, 4])
def test_no_ngram_comes_twice(arbitrary_engine, size, beam_size):
    engine = arbitrary_engine(12, sharpness=0.5)
    settings = SearchSettings(
        beam_size=beam_size, no_repeat_ngram_size=size, min_length=8, max_length=8
    )
    for hypotheses in search(engine, [[n, END] for n in range(3, 12)], settings):
        tokens = hypotheses[0].tokens
        ngrams = list(zip(*(tokens[start:] for start in range(size)), strict=False))
        assert len(tokens) == 8
        assert len(ngrams) == len(set(ngrams))


@pytest.mark.parametrize("settings", [{"beam_size": 1}, {"beam_size": 4}, {"sample": True}])
def test_forced_prefix(arbitrary_engine, settings):
    engine = arbitrary_engine(40)
    sources = [[5, END], [6, END], [7, END]]
    prefixes = [[], [9, 9, 10], [11]]
    settings = SearchSettings(no_repeat_ngram_size=1, **settings)
    results = search(engine, sources, settings, prefixes=prefixes)
    assert results[0] == search(engine, sources[:1], settings)[0]
    for source, prefix, hypotheses in zip(sources, prefixes, results, strict=True):
        best = hypotheses[0]
        assert list(best.tokens[: len(prefix)]) == prefix
        for place, token in enumerate(prefix):
            price = engine.function(tuple(source), tuple(prefix[:place]))[token]
            assert best.token_log_probs[place] == pytest.approx(float(price), abs=1e-5)


def test_nothing_possible_gives_the_prefix_so_far(table_engine):
    engine = table_engine(5, {FIRST: {(): {A: 1.0}, (A,): {0: 1.0}}})
    for beam_size in (1, 2):
        (hypotheses,) = search(engine, [[FIRST, END]], SearchSettings(beam_size=beam_size))
        assert [hypothesis.tokens for hypothesis in hypotheses] == [(A,)]
        assert not hypotheses[0].ended
        assert hypotheses[0].log_prob == 0.0


def test_samples_follow_the_probabilities(table_engine):
    engine = table_engine(5, {FIRST: {(): {A: 0.7, B: 0.3}}})
    settings = SearchSettings(beam_size=4, n_best=4, sample=True)
    results = [
        hypothesis.tokens
        for seed in range(500)
        for hypothesis in search(engine, [[FIRST, END]], SearchSettings.of(settings, seed=seed))[0]
    ]
    assert results.count((A,)) / len(results) == pytest.approx(0.7, abs=0.04)


def test_no_sources():
    class Untouched:
        vocab_size = 5

        def begin(self, sources):
            raise AssertionError("an empty batch was encoded")

    assert search(Untouched(), []) == []
