from __future__ import annotations

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.generation.normalize import log_normalizers, log_softmax, softmax


@given(seed=st.integers(0, 99), width=st.integers(1, 700), spread=st.sampled_from([0.1, 3.0, 40.0]))
def test_they_are_pytorchs_up_to_the_last_bit(seed, width, spread):
    scores = (np.random.default_rng(seed).normal(size=(3, width)) * spread).astype(np.float32)
    scores[:, : width // 3] = -np.inf
    theirs = torch.log_softmax(torch.from_numpy(scores), -1).numpy()
    ours = log_softmax(scores)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)
    shares = torch.softmax(torch.from_numpy(scores), -1).numpy()
    np.testing.assert_allclose(softmax(scores[0]), shares[0], rtol=1e-6)


def test_normalizers_of_a_row_by_hand():
    maxima, logarithms = log_normalizers(np.log(np.array([[1.0, 2.0, 1.0]])))
    np.testing.assert_allclose(maxima, [[np.log(2)]])
    np.testing.assert_allclose(logarithms, [[np.log(2)]])  # 4 / 2
