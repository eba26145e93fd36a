from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from clearhead.engine.reference_engine import ReferenceEngine
from tests.engine.engines import after_prefix, engine_of
from tests.reference.models import configs, random_ids, random_weights


@given(config=configs(decoder=True, encoder=True), data=st.data())
def test_every_step_is_the_full_forward_pass(config, data):
    """Rows dropped, copied and reordered, as beam search does it."""
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    engine = ReferenceEngine.build(config, random_weights(config), dtype=np.float64)
    lengths = data.draw(st.lists(st.integers(1, 11), min_size=1, max_size=3))
    sources = [random_ids(rng, config, n).tolist() for n in lengths]
    decoding = engine.begin(sources)
    prefixes, origins = [[] for _ in sources], list(range(len(sources)))
    for _ in range(3):
        parents = data.draw(
            st.lists(st.integers(0, len(prefixes) - 1), min_size=1, max_size=4), label="parents"
        )
        tokens = random_ids(rng, config, len(parents))
        ours = decoding.advance(tokens, np.array(parents))
        prefixes = [[*prefixes[p], int(t)] for p, t in zip(parents, tokens, strict=True)]
        origins = [origins[p] for p in parents]
        full = [after_prefix(engine, sources[o], p) for o, p in zip(origins, prefixes, strict=True)]
        np.testing.assert_allclose(ours, full, atol=1e-10)


def test_rows_of_a_beam_share_what_they_attend_to():
    """Rows side by side of sources of two lengths; then a source is dropped."""
    engine, rng = engine_of(), np.random.default_rng(0)
    sources = [random_ids(rng, engine.model.config, length).tolist() for length in (3, 9, 4)]
    decoding, width = engine.begin(sources), 3
    tokens = random_ids(rng, engine.model.config, 9)
    decoding.advance(tokens, np.arange(3).repeat(width))
    parents = np.array([2, 0, 0, 8, 7, 8])  # of the first and the last source
    last = random_ids(rng, engine.model.config, 6)
    ours = decoding.advance(last, parents)
    for row, (parent, token) in enumerate(zip(parents, last, strict=True)):
        full = after_prefix(engine, sources[parent // width], [int(tokens[parent]), int(token)])
        np.testing.assert_allclose(ours[row], full, atol=1e-10)


def test_a_long_decoding_outgrows_the_first_buffer():
    engine = engine_of(max_length=80)
    tokens = random_ids(np.random.default_rng(0), engine.model.config, 79)
    decoding = engine.begin([[5, 6, 2]])
    for token in tokens:
        ours = decoding.advance(np.array([token]), np.array([0]))
    np.testing.assert_allclose(
        ours[0], after_prefix(engine, [5, 6, 2], tokens.tolist()), atol=1e-10
    )
