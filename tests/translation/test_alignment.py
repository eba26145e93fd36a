"""An alignment is the mean of a layer's heads of cross-attention, a row for each target token."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.errors import ConfigError
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer
from clearhead.translation.alignment import align_tokens, aligner
from tests.reference.models import random_weights, small_config

SOURCE, TARGET = [5, 6, 7, 8], [9, 10, 11]


@pytest.fixture(scope="module")
def model():
    config = small_config()
    return Transformer(config, random_weights(config))


@pytest.mark.parametrize(("layer", "number"), [(-1, 1), (0, 0)])
@pytest.mark.parametrize(("rows", "first"), [("output", 0), ("input", 1)])
def test_rows_predict_a_token_or_read_it(model, layer, number, rows, first):
    trace = Trace()
    model.forward(np.array([[*SOURCE, 2]]), np.array([[1, *TARGET]]), trace=trace)
    heads = trace[f"decoder.layers.{number}.cross_attention.weights"].value[0]
    expected = heads.mean(axis=0)[first : first + 3, :4]
    np.testing.assert_array_equal(align_tokens(model, SOURCE, TARGET, layer, rows), expected)
    np.testing.assert_array_equal(aligner(model)(SOURCE, TARGET, layer, rows), expected)


def test_what_is_not_there_is_refused(model):
    with pytest.raises(ConfigError, match=r"one of the decoder's 2 layers, -2 to 1; it is 2"):
        align_tokens(model, SOURCE, TARGET, 2)
    with pytest.raises(ConfigError, match="output or input; it is 'both'"):
        align_tokens(model, SOURCE, TARGET, rows="both")
