"""Each truncation leaves what transformers leaves."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers.generation import logits_process as theirs

from clearhead.generation import truncation
from clearhead.generation.settings import GenerationSettings


def scores_of(seed: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    scores = (rng.normal(size=(3, width)) * rng.choice([0.3, 2.0, 8.0])).astype(np.float32)
    scores[:, : rng.integers(width // 2)] = -np.inf
    return scores


def compare(ours, warper, seed, width):
    scores = scores_of(seed, width)
    expected = warper(None, torch.from_numpy(scores.copy())).numpy()
    ours(scores)
    np.testing.assert_array_equal(scores, expected)


SEEDS, WIDTHS = st.integers(0, 10_000), st.sampled_from([4, 50, 3000])


@given(seed=SEEDS, width=WIDTHS, temperature=st.sampled_from([0.1, 0.7, 1.9]))
def test_temperature(seed, width, temperature):
    compare(
        lambda scores: truncation.heat(scores, temperature),
        theirs.TemperatureLogitsWarper(temperature), seed, width,
    )  # fmt: skip


@given(seed=SEEDS, width=WIDTHS, count=st.integers(1, 100))
def test_top_k(seed, width, count):
    compare(
        lambda scores: truncation.keep_top_k(scores, count),
        theirs.TopKLogitsWarper(count), seed, width,
    )  # fmt: skip


@given(
    seed=SEEDS, width=WIDTHS, share=st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.999]),
    fewest=st.integers(1, 4),
)  # fmt: skip
def test_top_p(seed, width, share, fewest):
    compare(
        lambda scores: truncation.keep_top_p(scores, share, fewest),
        theirs.TopPLogitsWarper(share, min_tokens_to_keep=fewest), seed, width,
    )  # fmt: skip


@given(
    seed=SEEDS, width=WIDTHS, share=st.sampled_from([0.0, 0.02, 0.3, 1.0]), fewest=st.integers(1, 2)
)
def test_min_p(seed, width, share, fewest):
    compare(
        lambda scores: truncation.keep_min_p(scores, share, fewest),
        theirs.MinPLogitsWarper(share, min_tokens_to_keep=fewest), seed, width,
    )  # fmt: skip


@given(seed=SEEDS, width=WIDTHS, share=st.sampled_from([0.05, 0.5, 0.95]), fewest=st.integers(1, 2))
def test_typical(seed, width, share, fewest):
    compare(
        lambda scores: truncation.keep_typical(scores, share, fewest),
        theirs.TypicalLogitsWarper(share, min_tokens_to_keep=fewest), seed, width,
    )  # fmt: skip


def test_top_p_by_hand():
    scores = np.log(np.array([[0.1, 0.4, 0.2, 0.3]], np.float32))
    truncation.keep_top_p(scores, 0.65)
    assert (scores[0] > -np.inf).tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("settings", "count"), [({"top_k": 3, "temperature": 2.0}, 2), ({"top_k": 0}, 0), ({}, 1)]
)
def test_only_what_has_an_effect_is_computed(settings, count):
    settings = GenerationSettings(do_sample=True, **settings)
    assert len(truncation.truncations_of(settings)) == count
