"""Copying scores of matrices whose eigenvalues are known."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearhead.head_kinds import CopyingScores, copying_of, token_product


def test_a_score_says_how_much_of_the_eigenvalues_is_positive():
    rng = np.random.default_rng(0)
    basis = rng.standard_normal((4, 4))
    inverse = np.linalg.inv(basis)
    values = np.stack([np.eye(4), np.eye(4), np.eye(4), np.zeros((4, 4))])
    outputs = np.stack(
        [
            basis @ np.diag(eigenvalues) @ inverse
            for eigenvalues in ([3, 1, 2, 1], [3, -1, 0, 0], [-1, -1, -2, 0], [1, 1, 1, 1])
        ]
    )
    scores = copying_of(values, outputs, np.eye(4))
    np.testing.assert_allclose(scores, [1, 0.5, -1, np.nan], atol=1e-9)


@given(st.integers(0, 99), st.sampled_from([np.float32, np.float64]))
def test_the_vocabulary_is_summed_in_parts(seed, dtype):
    """Adding the same to the logits of all tokens changes nothing, as of a softmax."""
    rng = np.random.default_rng(seed)
    unembedding, embedding = rng.standard_normal((2, 9000, 3)).astype(dtype)
    product = token_product(unembedding, embedding)
    centred = unembedding - unembedding.mean(0)
    np.testing.assert_allclose(
        product, centred.T @ embedding, atol=1e-2 if dtype == np.float32 else 1e-9
    )
    shifted = token_product(unembedding + dtype(2), embedding)
    np.testing.assert_allclose(product, shifted, atol=1e-2 if dtype == np.float32 else 1e-9)


def test_the_scores_are_printed():
    text = repr(CopyingScores({"h.0": np.array([0.5, -1.0])}, ("h.1 has none",)))
    assert text.splitlines()[1].split() == ["h.0", "+0.50", "-1.00"]
    assert text.splitlines()[2] == "note: h.1 has none"
