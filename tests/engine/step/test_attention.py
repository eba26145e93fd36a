from __future__ import annotations

import numpy as np
import pytest

from clearhead.engine.cache import KeyValueCache
from clearhead.engine.memories import encode_sources, share_sources
from clearhead.engine.step.attention import CrossAttentionStep, Heads, SelfAttentionStep
from clearhead.reference import OFF
from tests.engine.engines import engine_of
from tests.engine.matrices import draws

MODEL = engine_of(vocab_size=40).model
HEADS = Heads(4, None, MODEL.products.multiply, MODEL.dtype)


@pytest.mark.parametrize("rows", [1, 3])
def test_self_attention_reads_the_cache_that_it_extends(rows):
    layer = MODEL.decoder_layers[1].self_attention
    caches = [KeyValueCache.of(MODEL, rows) for _ in range(2)]
    step = SelfAttentionStep(layer, 1, HEADS)
    for position in range(5):
        x = draws(rows, 16, dtype=np.float64, seed=position)
        ours = step(x, caches[0])
        theirs = layer.self_attention(x[:, None], causal=True, past=caches[1].layers[1])[:, 0]
        np.testing.assert_array_equal(ours, theirs)
        for cache in caches:
            cache.advance(1)


@pytest.mark.parametrize("rows", [[0, 1, 2], [2, 0, 0, 2, 1, 1], [1, 1, 1], [2]])
def test_cross_attention_reads_each_rows_own_source(rows):
    """Of sources with and without padding, one of which is padding alone."""
    groups = encode_sources(MODEL, [[5, 6, 7, 2], [0, 0], [8, 9, 10, 11, 12, 2]], OFF)
    memory = share_sources(groups, np.array(rows))[0]
    layer = MODEL.decoder_layers[0].cross_attention
    x = draws(len(rows), 16, dtype=np.float64)
    ours = CrossAttentionStep(layer, HEADS)(x, memory)
    np.testing.assert_array_equal(ours, layer.cross_attention(x[:, None], memory)[:, 0])
