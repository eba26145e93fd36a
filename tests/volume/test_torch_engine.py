"""The engine of PyTorch answers what the readable engine answers."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("torch")

from clearhead.errors import ShapeError
from clearhead.search.search import search
from clearhead.search.settings import SearchSettings
from clearhead.volume.torch_engine import TorchEngine, best_device, faster_compute
from tests.volume.conftest import random_sources


@pytest.fixture(scope="module")
def engine(checkpoint):
    return TorchEngine(checkpoint.config, checkpoint.weights)


@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "relative"])
def test_the_same_hypotheses(make_checkpoint, positions):
    checkpoint = make_checkpoint(positions=positions)
    engine = TorchEngine(checkpoint.config, checkpoint.weights)
    settings, sources = SearchSettings(max_length=12, n_best=4), random_sources(checkpoint, 6)
    ours = search(checkpoint.engine(), sources, settings)
    theirs = search(engine, sources, settings)
    assert [[one.tokens for one in row] for row in theirs] == [
        [one.tokens for one in row] for row in ours
    ]
    assert theirs[0][0].score == pytest.approx(ours[0][0].score, abs=1e-4)


def test_rows_follow_their_parents_to_their_sources(engine, checkpoint):
    sources = random_sources(checkpoint, 3)
    both = engine.begin(sources), checkpoint.engine().begin(sources)
    # Rows are copied, exchanged, and those of a source dropped.
    for tokens, parents in [([1, 1, 1], [0, 1, 2]), ([5, 6, 7, 8], [2, 0, 0, 2]), ([9, 4], [1, 3])]:
        theirs, ours = (d.advance(np.array(tokens), np.array(parents)) for d in both)
        np.testing.assert_allclose(theirs, ours, atol=1e-4)
        theirs[:] = 0.0  # the caller may change it


def test_bfloat16_is_near(engine, checkpoint):
    coarse = TorchEngine(checkpoint.config, checkpoint.weights, compute="bfloat16")
    sources = random_sources(checkpoint, 4)
    rows, start = np.arange(4), np.ones(4, int)
    fine, rough = (e.begin(sources).advance(start, rows) for e in (engine, coarse))
    assert rough.dtype == np.float32
    assert 0 < abs(fine - rough)[:, 3:].max() < 0.5


def test_what_does_not_fit_is_refused(engine):
    with pytest.raises(ShapeError, match="source 1 has 0"):
        engine.begin([[5, 2], []])
    with pytest.raises(ShapeError, match="source 0 has 65"):
        engine.begin([[5] * 65])
    with pytest.raises(ShapeError, match="Token ids are from 0 to"):
        engine.begin([[5, 2]]).advance(np.array([9999]), np.array([0]))
    with pytest.raises(ShapeError, match="Parents must be rows"):
        engine.begin([[5, 2]]).advance(np.array([1]), np.array([1]))


def test_without_a_gpu_the_processor_computes():
    import torch

    assert best_device() == ("cuda" if torch.cuda.is_available() else "cpu")


class Slowed(TorchEngine):
    """An engine that waits before it begins."""

    def begin(self, sources):
        time.sleep(0.05)
        return super().begin(sources)


def test_the_faster_one_is_named(engine, checkpoint):
    slow = Slowed(checkpoint.config, checkpoint.weights)
    sources = random_sources(checkpoint, 2)
    assert faster_compute({"slow": slow, "fast": engine}, sources, steps=1) == "fast"
    assert faster_compute({"fast": engine, "slow": slow}, sources, steps=1) == "fast"
