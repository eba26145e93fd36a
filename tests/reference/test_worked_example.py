"""Two examples that teaching pages often use, as they are usually computed and as they should be.

The first: three inputs of width four, projected to head_dim three with small whole-number weights.
It is often shown with the scale sqrt(3) rounded to 1, and with the three contributions to the
first output labelled as three outputs. The second: how dividing by sqrt(head_dim) brings the
variance of the scores back, often shown with a softmax that forgets keepdims.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from clearhead.reference import Trace, attention, causal_mask, softmax

X = np.array([[1, 0, 1, 0], [0, 2, 0, 2], [1, 1, 1, 1]], dtype=np.float64)
W_QUERY = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 1, 1]])
W_KEY = np.array([[0, 0, 1], [1, 1, 0], [0, 1, 0], [1, 1, 0]])
W_VALUE = np.array([[0, 2, 0], [0, 3, 0], [1, 0, 3], [1, 1, 0]])

SCORES = [[2, 4, 4], [4, 16, 12], [4, 12, 10]]
WITH_SCALE_ONE = [
    [1.936621, 6.683105, 1.595068],
    [1.999994, 7.963992, 0.053976],
    [1.999705, 7.759892, 0.358389],
]
WITH_TRUE_SCALE = [
    [1.863874, 6.319371, 1.704189],
    [1.999110, 7.814124, 0.273472],
    [1.992555, 7.479636, 0.735877],
]


class TestThreeInputs:
    def run(self, scale: float | None) -> tuple[np.ndarray, np.ndarray, Trace]:
        trace = Trace(keep="*")
        output, weights = attention(X @ W_QUERY, X @ W_KEY, X @ W_VALUE, scale=scale, trace=trace)
        return output, weights, trace

    def test_query_key_value_and_scores(self) -> None:
        _, _, trace = self.run(scale=None)

        np.testing.assert_array_equal(trace["query"].value, [[1, 0, 2], [2, 2, 2], [2, 1, 3]])
        np.testing.assert_array_equal(trace["key"].value, [[0, 1, 1], [4, 4, 0], [2, 3, 1]])
        np.testing.assert_array_equal(trace["value"].value, [[1, 2, 3], [2, 8, 0], [2, 6, 3]])
        np.testing.assert_array_equal(trace["scores"].value, SCORES)

    def test_with_the_scale_rounded_to_one(self) -> None:
        output, weights, trace = self.run(scale=1.0)

        np.testing.assert_array_equal(trace["scaled"].value, SCORES)
        np.testing.assert_allclose(
            weights,
            [
                [6.33789383e-02, 4.68310531e-01, 4.68310531e-01],
                [6.03366485e-06, 9.82007865e-01, 1.79861014e-02],
                [2.95387223e-04, 8.80536902e-01, 1.19167711e-01],
            ],
            rtol=1e-8,
        )
        np.testing.assert_allclose(output, WITH_SCALE_ONE, atol=5e-7)

    def test_with_the_true_scale(self) -> None:
        output, _, trace = self.run(scale=None)

        np.testing.assert_allclose(trace["scaled"].value, np.array(SCORES) / math.sqrt(3))
        np.testing.assert_allclose(output, WITH_TRUE_SCALE, atol=5e-7)

    def test_rounding_the_scale_is_not_harmless(self) -> None:
        rounded, _, _ = self.run(scale=1.0)
        true, _, _ = self.run(scale=None)

        assert np.abs(rounded - true).max() == pytest.approx(0.377488, abs=5e-7)

    def test_contributions_to_the_first_output_are_no_outputs(self) -> None:
        output, _, trace = self.run(scale=1.0)

        to_first = trace["contributions"].value[0]
        np.testing.assert_allclose(
            to_first,
            [
                [0.06337894, 0.12675788, 0.19013681],
                [0.93662106, 3.74648425, 0.0],
                [0.93662106, 2.80986319, 1.40493159],
            ],
            atol=5e-9,
        )
        np.testing.assert_allclose(to_first.sum(axis=0), output[0])
        assert np.abs(to_first[1:] - output[1:]).max() > 1

    def test_eight_heads_of_it_side_by_side(self) -> None:
        """Every head of the same numbers gives the same output; joined they are 3 x 24."""
        query, key, value = (np.tile(X @ w, 8)[None] for w in (W_QUERY, W_KEY, W_VALUE))

        output, weights = attention(query, key, value, num_heads=8)

        assert weights.shape == (1, 8, 3, 3)
        np.testing.assert_allclose(output, np.tile(WITH_TRUE_SCALE, 8)[None], atol=5e-7)


HEAD_DIM = 6
VARIANCE_OF_SCORES = 4.454200770243143
VARIANCE_OF_SCALED = 0.742366795040524
# exp(scaled) divided by the row sums laid along the columns: what softmax without keepdims gives.
WITHOUT_KEEPDIMS = np.array(
    [
        [0.16064648, 0.62594815, 0.16385482, 0.10047034, 0.05924154],
        [0.21157888, 0.42724548, 0.24059574, 0.02716185, 0.03404166],
        [0.06677266, 0.04651031, 0.40506420, 0.09156362, 0.03483000],
        [0.19326639, 1.02356199, 0.19504027, 0.17553727, 0.08288961],
        [0.12503076, 0.06002314, 0.58433419, 0.45501763, 0.40263640],
    ]
)
CAUSAL_WITHOUT_KEEPDIMS = np.array(
    [
        [1.0, 0.0, 0.0, 0.0, 0.0],
        [1.31704649, 0.61050187, 0.0, 0.0, 0.0],
        [0.41564966, 0.06645976, 0.67219956, 0.0, 0.0],
        [1.20305402, 1.46259359, 0.32366716, 0.19649439, 0.0],
        [0.77829754, 0.08576858, 0.96969612, 0.50934148, 0.40263640],
    ]
)


def softmax_without_keepdims(x: np.ndarray) -> np.ndarray:
    """The mistake: the sums of rows divide the columns."""
    return np.exp(x) / np.exp(x).sum(axis=-1)


def scaled_scores() -> np.ndarray:
    """The scores behind `WITHOUT_KEEPDIMS`, up to one number added to all.

    With A = exp(S) / r, where r are the row sums of exp(S), A r = r: the row sums are the
    eigenvector of A for the eigenvalue 1, and S = log(A r) up to the eigenvector's length.
    """
    values, vectors = np.linalg.eig(WITHOUT_KEEPDIMS)
    one = np.argmin(np.abs(values - 1))
    assert values[one] == pytest.approx(1, abs=1e-7)
    return np.log(WITHOUT_KEEPDIMS * np.abs(vectors[:, one].real))


class TestVariance:
    def test_of_that_study(self) -> None:
        """The variance 4.45 of the scores falls to 0.74."""
        scaled = scaled_scores()

        assert scaled.var() == pytest.approx(VARIANCE_OF_SCALED, rel=1e-6)
        assert (scaled * math.sqrt(HEAD_DIM)).var() == pytest.approx(VARIANCE_OF_SCORES, rel=1e-6)

    def test_scaling_divides_the_variance_by_head_dim(self) -> None:
        numbers, trace = np.random.default_rng(0), Trace()
        query, key = numbers.normal(size=(2, 5, HEAD_DIM))

        attention(query, key, key, trace=trace)

        before, after = trace["scores"].value.var(), trace["scaled"].value.var()
        assert before / after == pytest.approx(HEAD_DIM)

    @pytest.mark.parametrize("head_dim", [4, 64, 256])
    def test_of_scores_is_head_dim_and_of_scaled_scores_one(self, head_dim: int) -> None:
        """For independent entries of variance 1, which is why the scale is what it is."""
        numbers, trace = np.random.default_rng(0), Trace()
        query, key = numbers.normal(size=(2, 400, head_dim))

        attention(query, key, key, trace=trace)

        assert trace["scores"].value.var() == pytest.approx(head_dim, rel=0.1)
        assert trace["scaled"].value.var() == pytest.approx(1, rel=0.1)


class TestKeepdims:
    def test_without_it_rows_do_not_sum_to_one(self) -> None:
        wrong = softmax_without_keepdims(scaled_scores())

        np.testing.assert_allclose(wrong, WITHOUT_KEEPDIMS, rtol=1e-6)
        assert wrong[0].sum() == pytest.approx(1.110, abs=5e-4)
        assert not np.isclose(wrong.sum(axis=-1), 1, atol=0.05).any()

    def test_as_it_should_be(self) -> None:
        weights = softmax(scaled_scores())

        np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-14)
        np.testing.assert_allclose(
            weights[0],
            WITHOUT_KEEPDIMS[0]
            * np.exp(scaled_scores()).sum(axis=-1)
            / np.exp(scaled_scores()[0]).sum(),
            rtol=1e-6,
        )

    def test_with_a_causal_mask_only_the_first_row_looks_right(self) -> None:
        masked = np.where(causal_mask(5), scaled_scores(), -np.inf)

        wrong = softmax_without_keepdims(masked)

        np.testing.assert_allclose(wrong, CAUSAL_WITHOUT_KEEPDIMS, rtol=1e-6)
        np.testing.assert_allclose(wrong.sum(axis=-1)[0], 1)
        assert (np.abs(wrong.sum(axis=-1)[1:] - 1) > 0.1).all()

    def test_with_a_causal_mask_as_it_should_be(self) -> None:
        """Queries and keys whose scores are these: the identity and the scores themselves."""
        scaled = scaled_scores()

        _, weights = attention(np.eye(5), scaled.T, np.eye(5), scale=1.0, causal=True)

        np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-14)
        np.testing.assert_array_equal(np.triu(weights, 1), 0)
        # Two weights of a row have the same ratio as without the mask.
        full = softmax(scaled)
        np.testing.assert_allclose(weights[4], full[4], rtol=1e-12)
        np.testing.assert_allclose(weights[3, 1] / weights[3, 0], full[3, 1] / full[3, 0])
