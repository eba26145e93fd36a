from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ShapeError
from clearhead.reference.layers.embedding import Embedding
from clearhead.reference.positions import sinusoidal_positions
from clearhead.reference.tracing.trace import Trace
from tests.reference.models import random_weights, small_config

IDS = np.array([[5, 6, 7], [8, 9, 5]])


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "alibi", "relative"])
def test_it_is_the_row_of_each_token_and_its_position(positions, tied, scale):
    config = small_config(positions=positions, tied_embeddings=tied, scale_embedding=scale)
    weights = random_weights(config)
    for side in ("source", "target"):
        matrix = weights["embedding.weight" if tied else f"{side}_embedding.weight"]
        expected = matrix[IDS] * (4 if scale else 1)  # the square root of d_model, 16
        if positions == "sinusoidal":
            expected = expected + sinusoidal_positions(24, 16)[2:5]
        if positions == "learned":
            expected = expected + weights[f"{side}_positions.weight"][2:5]
        trace = Trace()
        x = Embedding(config, weights)(IDS, side, start=2, trace=trace)
        np.testing.assert_allclose(x, expected, atol=1e-14)
        assert trace.paths[:2] == ["tokens", "embedding"]
        assert ("scaled_embedding" in trace) == scale
        assert ("positions" in trace) == (positions in ("sinusoidal", "learned"))
        assert trace.paths[-1] == "embedded"


def test_weights_stay_as_they_are():
    config = small_config()
    weights = random_weights(config)
    before = weights["embedding.weight"].copy()
    Embedding(config, weights)(IDS, "source")
    np.testing.assert_array_equal(weights["embedding.weight"], before)


def test_texts_and_ids_beyond_the_model_are_refused():
    embedding = Embedding(small_config(), random_weights(small_config()))
    with pytest.raises(ShapeError, match=r"A target of 25 tokens is longer .* max_length of 24"):
        embedding(IDS, "target", start=22)
    with pytest.raises(ShapeError, match=r"The source has the token id 29; .* between 0 and 28"):
        embedding(np.array([[5, 29]]), "source")
