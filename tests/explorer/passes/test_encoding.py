"""All tokens of a text are real to an encoder alone; a source is masked as the engine masks it."""

from __future__ import annotations

import numpy as np

from clearhead.explorer.passes.encoding import encode
from clearhead.reference.tracing.trace import OFF
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_weights, small_config


def test_padding_is_read_by_an_encoder_alone():
    ids = np.array([[5, 0, 6]])
    for decoder_layers, mask in ((0, None), (1, [[[[True, False, True]]]])):
        config = small_config(decoder_layers=decoder_layers)
        encoded = encode(Transformer(config, random_weights(config)), ids, OFF)
        assert (encoded.mask if mask is None else encoded.mask.tolist()) == mask
