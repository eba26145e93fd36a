"""Draws keep to what temperature, top-k and top-p allow, in the right shares."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.search.sampling import draw, generators
from clearhead.search.settings import SearchSettings

PROBABILITIES = np.array([0.05, 0.4, 0.1, 0.25, 0.2])
UNIFORMS = (np.arange(20000) + 0.5) / 20000


def shares(**settings):
    log_probs = np.broadcast_to(np.log(PROBABILITIES), (len(UNIFORMS), 5))
    tokens = draw(log_probs, UNIFORMS, SearchSettings(sample=True, **settings))
    return np.bincount(tokens, minlength=5) / len(UNIFORMS)


def test_all_tokens_in_their_shares():
    np.testing.assert_allclose(shares(), PROBABILITIES, atol=1e-3)


@pytest.mark.parametrize(
    ("settings", "likeliest"),
    [
        ({"top_k": 1}, [1]),
        ({"top_k": 2}, [1, 3]),
        ({"top_k": 99}, [0, 1, 2, 3, 4]),
        ({"top_p": 0.0001}, [1]),
        ({"top_p": 0.4 - 1e-9}, [1]),
        ({"top_p": 0.41}, [1, 3]),
        ({"top_p": 0.8}, [1, 3, 4]),
        ({"top_p": 0.9, "top_k": 2}, [1, 3]),
    ],
)
def test_what_is_left_keeps_its_proportions(settings, likeliest):
    expected = np.zeros(5)
    expected[likeliest] = PROBABILITIES[likeliest] / PROBABILITIES[likeliest].sum()
    np.testing.assert_allclose(shares(**settings), expected, atol=1e-3)


def test_temperature():
    for temperature in (0.5, 2.0):
        sharpened = PROBABILITIES ** (1 / temperature)
        expected = sharpened / sharpened.sum()
        np.testing.assert_allclose(shares(temperature=temperature), expected, atol=1e-3)


def test_impossible_tokens_are_never_drawn():
    log_probs = np.array([[-np.inf, -np.inf, -3.0, -np.inf]] * 3)
    tokens = draw(log_probs, np.array([0.0, 0.5, 1 - 1e-16]), SearchSettings(sample=True))
    assert tokens.tolist() == [2, 2, 2]


def test_generators_depend_on_seed_source_and_sample_alone():
    def first(sources, samples, seed):
        return [generator.random() for generator in generators(sources, samples, seed)]

    a, b = [5, 2], [5, 6, 2]
    assert first([a, b], 2, 1) == first([a], 2, 1) + first([b], 2, 1)
    assert len(set(first([a, b], 3, 1) + first([a, b], 3, 2))) == 12
