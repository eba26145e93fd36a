"""Sums over queries and texts, of which scores are quotients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearhead.head_kinds import HeadSums, HeadWeights

N = 6


def test_what_no_query_is_asked_for_has_no_score() -> None:
    """Of two queries one alone has a key after its own, which is too few for a share."""
    sums = HeadSums.of(HeadWeights.of(np.eye(2)[None], np.ones((1, 2, 2), bool), cross=False))
    scores = sums.scores()
    assert sums.counts["next"] == [1]
    assert np.isnan(scores["next"]).all()
    assert (scores["same"], scores["even"]) == ([1], [0])
    assert "aligned" not in scores


def test_padding_counts_for_nothing() -> None:
    whole = HeadWeights.of(
        np.eye(N)[None, [0, 0, 1, 2, 3, 4]], np.ones((1, N, N), bool), cross=False
    )
    some = replace(whole, in_text=np.array([True] * 4 + [False] * 2))
    sums = HeadSums.of(some)
    assert (sums.counts["previous"], sums.queries) == ([3], [4])


@given(st.lists(st.integers(1, 6), min_size=2, max_size=6), st.randoms(), st.booleans())
def test_texts_add_up_to_the_same_bits_in_any_order(lengths, order, cross) -> None:
    texts = []
    for seed, length in enumerate(lengths):
        weights = np.random.default_rng(seed).dirichlet(np.ones(N), size=(2, length))
        weights = HeadWeights.of(weights, np.ones(weights.shape, bool), cross=cross)
        texts.append(HeadSums.of(weights).rounded())
    shuffled = [*texts]
    order.shuffle(shuffled)
    one, other = (sum(rest, first) for first, *rest in (texts, shuffled))
    for measure in one.totals:
        np.testing.assert_array_equal(one.totals[measure], other.totals[measure])
        exact = sum(text.totals[measure] for text in texts)
        np.testing.assert_allclose(one.totals[measure], exact, atol=1e-12)
