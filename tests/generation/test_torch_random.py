"""The stream is PyTorch's, bit for bit in float32, with any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.generation.torch_random import TorchRandom, exponential, fastest


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("seed", [0, 1, 5, 2**32 - 1, 2**32 + 7, 2**63])
@pytest.mark.parametrize("count", [1, 15, 16, 17, 40_000])
def test_exponential_variates(seed, count, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for dtype, tolerance in ((torch.float32, 0.0), (torch.float64, 1e-15)):
            torch.manual_seed(seed)
            ours = TorchRandom(seed)
            for _ in range(2):  # the stream goes on where it was
                theirs = torch.empty(count, dtype=dtype).exponential_().numpy()
                variates = ours.exponential(count)
                np.testing.assert_allclose(
                    variates.astype(theirs.dtype), theirs, rtol=tolerance, atol=0
                )
    finally:
        torch.set_num_threads(before)


def test_some_variates_of_a_stream_need_no_others():
    words = TorchRandom(3).words(100)
    places = np.array([7, 3, 99])
    np.testing.assert_array_equal(exponential(words[places]), exponential(words)[places])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1, 50_257), (3, 61)])
def test_races_are_torchs_multinomial(shape, dtype):
    generator = torch.Generator().manual_seed(4)
    probabilities = torch.rand(shape, generator=generator, dtype=dtype).softmax(-1)
    for seed in range(40):
        torch.manual_seed(seed)
        theirs = torch.multinomial(probabilities, 1)[:, 0].numpy()
        words = TorchRandom(seed).words(probabilities.numel()).reshape(*shape, 2)
        ours = [fastest(*row) for row in zip(probabilities.numpy(), words, strict=True)]
        np.testing.assert_array_equal(ours, theirs)


def test_a_variate_of_zero_wins_and_what_is_impossible_does_not():
    words = TorchRandom(0).words(4)
    words[2] = 0
    assert fastest(np.full(4, 0.25, np.float32), words) == 2
    words = TorchRandom(0).words(4)
    assert fastest(np.array([0.0, 0.0, 1.0, 0.0], np.float32), words) == 2
