"""Cross-entropy is -log p of the label, and its gradient is p - y."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import ConfigError, ShapeError
from clearhead.reference import Trace, cross_entropy, finite_differences, softmax

LOGITS = np.log([[[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]]])


def test_the_gradient_is_what_was_said_minus_what_is_right() -> None:
    result = cross_entropy(LOGITS, np.array([[0, 1]]))
    assert result.loss == pytest.approx(-(np.log(0.7) + np.log(0.25)) / 2, abs=1e-15)
    expected = [[[-0.15, 0.1, 0.05], [0.125, -0.375, 0.25]]]
    np.testing.assert_allclose(result.d_logits, expected, rtol=0, atol=1e-15)


def test_smoothing_asks_for_less_than_certainty() -> None:
    result = cross_entropy(LOGITS[:, :1], np.array([[0]]), label_smoothing=0.3)
    np.testing.assert_allclose(result.d_logits, [[[-0.1, 0.1, 0.0]]], rtol=0, atol=1e-15)


@settings(max_examples=20)
@given(vocab=st.integers(2, 6), smoothing=st.floats(0, 0.9), seed=st.integers(0, 99))
def test_by_finite_differences(vocab: int, smoothing: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = 3 * rng.normal(size=(2, 3, vocab)), rng.integers(0, vocab, (2, 3))
    options = {"label_mask": np.array([[1, 1, 0], [1, 0, 0]], bool), "label_smoothing": smoothing}
    ours = cross_entropy(logits, labels, **options).d_logits
    theirs = finite_differences(lambda z: cross_entropy(z, labels, **options).loss, logits)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-8)
    np.testing.assert_allclose(ours.sum(axis=-1), 0, atol=1e-15)


def test_what_does_not_count_changes_nothing() -> None:
    mask = np.array([[True, False]])
    one, other = (
        cross_entropy(LOGITS, np.array([[0, label]]), label_mask=mask) for label in (1, -100)
    )
    assert one.loss == other.loss == pytest.approx(-np.log(0.7))
    assert not one.d_logits[0, 1].any()
    assert not other.d_logits[0, 1].any()


def test_a_trace_has_every_step() -> None:
    trace = Trace()
    cross_entropy(LOGITS, np.array([[0, 1]]), trace=trace)
    assert trace.paths == [
        "logits", "probabilities", "labels", "label_smoothing", "label_weights",
        "label_distribution", "losses", "loss", "d_logits",
    ]  # fmt: skip
    np.testing.assert_array_equal(trace["probabilities"].value, softmax(LOGITS))


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        (np.array([0, 1]), {}, r"whole numbers, one for each row .* int64 of the shape \(2,\)"),
        (np.array([[0.0, 1.0]]), {}, "they are float64"),
        (np.array([[0, 3]]), {}, "There is the label 3; labels lie between 0 and 2"),
        (np.array([[0, 1]]), {"label_mask": np.zeros((1, 2), bool)}, "No label counts"),
        (np.array([[0, 1]]), {"label_mask": np.ones((1, 2))}, "label_mask is boolean"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: np.ndarray, options: dict, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        cross_entropy(LOGITS, labels, **options)


def test_smoothing_everything_away_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"label_smoothing must be below 1; it is 1\.0"):
        cross_entropy(LOGITS, np.array([[0, 1]]), label_smoothing=1.0)
