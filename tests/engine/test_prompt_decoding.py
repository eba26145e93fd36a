from __future__ import annotations

import numpy as np
import pytest

from clearhead.reference.softmax import log_softmax
from tests.engine.engines import after_prefix, engine_of


@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "alibi", "relative"])
def test_prompts_of_any_lengths_go_on_as_by_full_forward_passes(positions):
    """Rows dropped, copied and reordered, as beam search does it."""
    engine = engine_of(encoder_layers=0, positions=positions)
    prompts = [[5, 6, 7], [], [8], [9, 10, 11]]
    decoding = engine.begin(prompts)
    prefixes, origins = [[] for _ in prompts], list(range(len(prompts)))
    for parents, tokens in [
        ([0, 1, 2, 3], [1, 1, 1, 1]),
        ([3, 1, 1, 0], [4, 5, 6, 7]),
        ([2, 0], [8, 9]),
    ]:
        after = decoding.advance(np.array(tokens), np.array(parents))
        prefixes = [[*prefixes[p], token] for p, token in zip(parents, tokens, strict=True)]
        origins = [origins[parent] for parent in parents]
        expected = [
            after_prefix(engine, prompts[origin], prefix)
            for origin, prefix in zip(origins, prefixes, strict=True)
        ]
        np.testing.assert_allclose(after, expected, atol=1e-10)


def test_logits_are_those_of_the_log_probabilities():
    engine = engine_of(encoder_layers=0)
    prompts, tokens, rows = [[5, 6], [7]], np.array([8, 9]), np.arange(2)
    logits = engine.begin(prompts).advance_logits(tokens, rows)
    expected = engine.model.logits(engine.model.decode(np.array([[5, 6, 8]])))[0, -1]
    np.testing.assert_allclose(logits[0], expected, atol=1e-10)
    log_probabilities = engine.begin(prompts).advance(tokens, rows)
    np.testing.assert_array_equal(log_softmax(logits), log_probabilities)
