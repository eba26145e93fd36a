"""Each rule by hand, against exhaustive search, and against the other rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from clearhead.search.endings import BestEndings, CountedEndings, Endings
from clearhead.search.hypothesis import Hypothesis, length_penalty
from clearhead.search.search import search
from clearhead.search.settings import SearchSettings

END, A, B, C = 2, 3, 4, 5
SOURCE = [9, END]
ONE = np.array([0])


def hypothesis_of_score(score: float) -> Hypothesis:
    return Hypothesis((A,), score, score, (score,))


@pytest.mark.parametrize(
    ("changes", "kind", "enough"),
    [
        ({"stop": "first"}, CountedEndings, 4),
        ({"stop": "patience"}, CountedEndings, 8),
        ({"stop": "patience", "patience": 1.3}, CountedEndings, 6),
        ({"stop": "patience", "patience": 1.1, "beam_size": 10}, CountedEndings, 11),
        ({"beam_size": 1}, CountedEndings, 1),
        ({"sample": True, "beam_size": 4}, CountedEndings, 1),
        ({}, BestEndings, None),
    ],
)
def test_the_rule_of_each_setting(changes, kind, enough):
    endings = Endings.of(SearchSettings(**changes), np.array([5]))
    assert type(endings) is kind
    assert getattr(endings, "enough", None) == enough


@pytest.mark.parametrize(
    ("normalization", "penalty"), [("length", 10**0.8), ("gnmt", (15 / 6) ** 0.8), ("none", 1.0)]
)
def test_the_longest_target_has_its_limit_of_tokens_and_the_end(normalization, penalty):
    settings = SearchSettings(normalization=normalization, length_penalty=0.8)
    endings = Endings.of(settings, np.array([9]))
    assert endings.longest_penalties == pytest.approx(penalty)


def test_counted_ends_stand_in_the_first_places_and_are_not_replaced():
    endings = CountedEndings(1, places=2, enough=2)
    scores, is_end = np.array([[-1.0, -2.0, -3.0]]), np.array([[False, True, True]])
    assert endings.counts(ONE, scores, is_end).tolist() == [[False, True, False]]
    for score in (-3.0, -2.0, -1.0):
        assert not endings.are_enough(ONE, np.zeros(1))[0] or score == -1.0
        endings.add(0, hypothesis_of_score(score))
    assert [one.score for one in endings.hypotheses[0]] == [-3.0, -2.0]


def test_the_best_ends_replace_the_worst_until_nothing_better_can_come():
    endings = BestEndings(np.array([10.0]), size=2, n_best=1)
    assert not endings.are_enough(ONE, np.array([-1e9]))[0]
    assert endings.are_enough(ONE, np.array([-np.inf]))[0]
    for score in (-3.0, -2.0, -1.0):
        endings.add(0, hypothesis_of_score(score))
    assert [one.score for one in endings.hypotheses[0]] == [-1.0, -2.0]
    scores = np.array([[-1.5, -2.0, -2.5]])
    assert endings.counts(ONE, scores, scores < 0).tolist() == [[True, False, False]]
    # The longest target divides by 10: -9.9 may still become -0.99, and -10 no more than -1.
    assert not endings.are_enough(ONE, np.array([-9.9]))[0]
    assert endings.are_enough(ONE, np.array([-10.0]))[0]


@pytest.mark.parametrize("settings", [{}, {"normalization": "none"}])
def test_bad_ends_fill_the_count_before_the_good_one_comes(table_engine, settings):
    """The guide's example: the right word has 0.9 each time, and a premature end 0.1."""
    chain = {
        (): {A: 0.95, B: 0.05},
        (A,): {B: 0.9, END: 0.1},
        (A, B): {C: 0.9, END: 0.1},
        (B,): {C: 0.9, END: 0.1},
    }
    engine = table_engine(6, {SOURCE[0]: chain})
    best = {
        stop: search(engine, [SOURCE], SearchSettings(beam_size=2, stop=stop, **settings))[0][0]
        for stop in ("first", "patience", "exact")
    }
    greedy = search(engine, [SOURCE], SearchSettings(beam_size=1, **settings))[0][0]
    assert best["patience"] == best["exact"] == greedy
    assert greedy.tokens == (A, B, C)
    assert greedy.log_prob == pytest.approx(math.log(0.95 * 0.9 * 0.9))
    assert len(best["first"].tokens) < 3
    assert best["first"].score < greedy.score


def random_table(seed: int, longest: int, sharpness: float):
    """Random probabilities of A, B and the end after every prefix of so many tokens."""
    generator = np.random.default_rng(seed)
    rows, prefixes = {}, [()]
    for _ in range(longest + 1):
        for prefix in prefixes:
            weights = np.exp(generator.normal(size=3) * sharpness)
            rows[prefix] = dict(zip((A, B, END), weights / weights.sum(), strict=True))
        prefixes = [(*prefix, token) for prefix in prefixes for token in (A, B)]
    return {SOURCE[0]: rows}


def exhaustive(engine, settings, forced=()):
    """The score and tokens of every target that the settings allow, best first."""
    penalty, limit = length_penalty(settings.normalization), settings.limit(len(SOURCE))
    targets = []

    def go_on(prefix: tuple[int, ...], total: float) -> None:
        log_probs = engine.function(tuple(SOURCE), prefix).astype(np.float64)
        if len(prefix) < settings.min_length:
            log_probs[END] = -np.inf
        if len(prefix) == limit:
            log_probs[:END] = log_probs[END + 1 :] = -np.inf
        elif len(prefix) < len(forced):
            log_probs[np.arange(len(log_probs)) != forced[len(prefix)]] = -np.inf
        siblings = np.argsort(-log_probs, kind="stable")
        for rank, token in enumerate(siblings[: np.isfinite(log_probs).sum()].tolist(), 1):
            log_prob = total + log_probs[token] - settings.sibling_diversity * rank * bool(prefix)
            if token == END:
                score = log_prob / penalty(len(prefix) + 1, settings.length_penalty)
                targets.append((score, prefix))
            else:
                go_on((*prefix, token), log_prob)

    go_on((), 0.0)
    return sorted(targets, key=lambda target: -target[0])


@hypothesis_settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    seed=st.integers(0, 10_000),
    sharpness=st.sampled_from([0.3, 1.0, 3.0]),
    normalization=st.sampled_from(["length", "gnmt", "none"]),
    alpha=st.sampled_from([0.0, 0.3, 1.0, 2.5, 6.0]),
    min_length=st.integers(1, 4),
    sibling_diversity=st.sampled_from([0.0, 0.4]),
    forced=st.sampled_from([(), (A,), (B, A)]),
    n_best=st.integers(1, 3),
)
def test_a_beam_as_wide_as_all_prefixes_finds_what_exhaustive_search_finds(
    table_engine,
    seed,
    sharpness,
    normalization,
    alpha,
    min_length,
    sibling_diversity,
    forced,
    n_best,
):
    engine = table_engine(20, random_table(seed, 4, sharpness))
    settings = SearchSettings(
        beam_size=16,  # all prefixes of four tokens
        n_best=n_best,
        normalization=normalization,
        length_penalty=alpha,
        min_length=min_length,
        max_length=4,
        sibling_diversity=sibling_diversity,
    )
    (hypotheses,) = search(engine, [SOURCE], settings, prefixes=[forced])
    expected = exhaustive(engine, settings, forced)[:n_best]
    assert [one.score for one in hypotheses] == pytest.approx([score for score, _ in expected])
    assert [one.tokens for one in hypotheses] == [tokens for _, tokens in expected]


@pytest.mark.parametrize(
    ("changes", "steps"),
    [({"normalization": "none"}, 2), ({"max_length": 30}, 2), ({"max_length": 60}, 3)],
)
def test_it_is_over_as_soon_as_nothing_better_can_come(table_engine, changes, steps):
    """The best has ln 0.9 / 2 = -0.053 and what runs beside it ln 0.1 = -2.30.

    That is -0.074 at most in a target of 31 tokens and -0.038 in one of 61, which is searched for
    one step longer: then what runs has ln 0.01, at most -0.075.
    """
    likely = {(): {A: 1.0}} | {(A,) * n: {A: 0.1, END: 0.9} for n in range(1, 60)}
    engine = table_engine(5, {SOURCE[0]: likely})
    settings = SearchSettings(beam_size=2, max_length_extra=100, **changes)
    assert search(engine, [SOURCE], settings)[0][0].tokens == (A,)
    assert len(engine.rows) == steps


@pytest.mark.parametrize("normalization", ["length", "gnmt", "none"])
def test_more_patience_never_scores_less(arbitrary_engine, normalization):
    engine = arbitrary_engine(9, sharpness=1.0)
    sources = [[n, m, END] for n in range(3, 9) for m in range(3, 9)]
    base = SearchSettings(beam_size=3, max_length=8, normalization=normalization)
    rules = [{"stop": "first"}]
    rules += [{"stop": "patience", "patience": factor} for factor in (1.0, 1.5, 2.0, 4.0)]
    rules += [{"stop": "exact"}]
    best = [
        [one[0] for one in search(engine, sources, SearchSettings.of(base, **rule))]
        for rule in rules
    ]
    assert best[0] == best[1]
    for less, more in zip(best, best[1:], strict=False):
        assert all(a.score <= b.score for a, b in zip(less, more, strict=True))
    assert sum(a.score < b.score for a, b in zip(best[0], best[-1], strict=True)) > 3


def test_what_is_best_does_not_depend_on_how_many_are_wanted(arbitrary_engine):
    engine = arbitrary_engine(9, sharpness=1.0)
    sources = [[n, END] for n in range(3, 9)]
    base = SearchSettings(beam_size=4, max_length=8)
    all_of_them = search(engine, sources, SearchSettings.of(base, n_best=4))
    for count in (1, 2, 3):
        settings = SearchSettings.of(base, n_best=count)
        assert search(engine, sources, settings) == [some[:count] for some in all_of_them]
        with_spares = search(engine, sources, settings, spares=True)
        assert [some[:count] for some in with_spares] == [some[:count] for some in all_of_them]
        assert {len(some) for some in with_spares} == {4}


def test_greedy_never_scores_more_when_its_hypothesis_ends_inside_the_beam(arbitrary_engine):
    cases = 0
    for number in range(3, 60):
        engine, source = arbitrary_engine(9, sharpness=1.5), (number, END)
        settings = SearchSettings(beam_size=3, max_length=8)
        answers, function = {}, engine.function

        def remember(source, prefix, answers=answers, function=function):
            answers[prefix] = function(source, prefix)
            return answers[prefix].copy()

        (greedy,) = search(engine, [source], SearchSettings.of(settings, beam_size=1))[0]
        engine.function = remember
        (best,) = search(engine, [source], settings)[0]
        if greedy.tokens not in answers:
            continue
        # Where its end stands among all continuations of the prefixes that were running.
        continuations = [
            sum(float(answers[prefix[:n]][token]) for n, token in enumerate(prefix))
            + log_probs[2:].astype(np.float64)
            for prefix, log_probs in answers.items()
            if len(prefix) == len(greedy.tokens)
        ]
        rank = (np.concatenate(continuations) > greedy.log_prob + 1e-9).sum()
        if rank < 2 * settings.beam_size:
            cases += 1
            assert best.score >= greedy.score
    assert cases > 15
