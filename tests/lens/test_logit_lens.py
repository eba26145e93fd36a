"""What the model would say after each layer: its own last norm and output matrix on each stream."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ShapeError
from clearhead.lens.logit_lens import logit_lens
from clearhead.reference.softmax import softmax
from clearhead.reference.transformer import Transformer
from tests.lens.test_attribution import sides
from tests.reference.models import configs, random_ids, random_weights, small_config, wide_configs


@given(st.one_of(configs(), wide_configs()))
def test_the_last_reading_is_what_the_model_says(config):
    model = Transformer(config, random_weights(config))
    source, target = sides(config, np.random.default_rng(2))
    probabilities = softmax(model.forward(source, target))[1, 2]
    readings = logit_lens(model, source, target, position=2, row=1, count=3)
    assert [reading.layers for reading in readings] == list(range(len(readings)))
    assert len(readings) == 1 + (config.decoder_layers or config.encoder_layers)
    last = readings[-1]
    assert last.final_token == probabilities.argmax()
    assert last.tokens[0] == last.final_token
    assert last.final_rank == 1
    np.testing.assert_allclose(last.probabilities, np.sort(probabilities)[::-1][:3], rtol=1e-12)


def test_an_early_reading_is_the_stream_through_the_last_norm():
    config = small_config(encoder_layers=0, norm="rms", positions="none", scale_embedding=False)
    weights = random_weights(config)
    model = Transformer(config, weights)
    ids = random_ids(np.random.default_rng(0), config, 1, 4)
    stream = weights["embedding.weight"][ids[0, 1]]
    hidden = stream / np.sqrt((stream**2).mean() + config.norm_epsilon)
    logits = weights["embedding.weight"] @ (hidden * weights["decoder.norm.weight"])
    shares = np.exp(logits) / np.exp(logits).sum()
    first = logit_lens(model, None, ids, position=1)[0]
    assert first.tokens[0] == shares.argmax()
    assert first.probabilities[0] == pytest.approx(shares.max(), rel=1e-10)
    assert first.final_probability == pytest.approx(shares[first.final_token], rel=1e-10)
    assert first.final_rank == 1 + (shares > shares[first.final_token]).sum()


def test_a_position_that_is_not_there_is_refused():
    config = small_config(encoder_layers=0)
    model = Transformer(config, random_weights(config))
    ids = random_ids(np.random.default_rng(0), config, 1, 4)
    with pytest.raises(ShapeError, match="position must be from -4 to 3; it is 4"):
        logit_lens(model, None, ids, position=4)
