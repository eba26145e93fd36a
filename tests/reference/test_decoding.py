from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import ConfigError, ShapeError
from clearhead.reference.decoding import greedy
from clearhead.reference.products import method
from clearhead.reference.transformer import Transformer
from tests.reference.models import configs, random_ids, random_weights, small_config

needs_rows_apart = pytest.mark.skipif(
    method(np.float32) == "whole", reason="this machine's BLAS keeps rows apart in no known way"
)


def _model(dtype=np.float64, **changes: object) -> Transformer:
    config = small_config(**changes)
    return Transformer(config, random_weights(config), dtype=dtype)


def _full(model: Transformer, source: list[int], prefix: list[int]) -> np.ndarray:
    """Log-probabilities after a prefix by one forward pass without a cache."""
    if model.config.encoder_layers:
        return model.log_probabilities(np.array([source]), np.array([prefix]))[0, -1]
    return model.log_probabilities(None, np.array([source + prefix]))[0, -1]


@given(config=configs(decoder=True), data=st.data())
def test_every_step_is_the_full_forward_pass(config, data):
    """Rows dropped, copied and reordered, as beam search does it."""
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    model = Transformer(config, random_weights(config))
    lengths = data.draw(st.lists(st.integers(1, 11), min_size=1, max_size=3))
    sources = [random_ids(rng, config, n).tolist() for n in lengths]
    decoding = model.begin(sources)
    prefixes, origins = [[] for _ in sources], list(range(len(sources)))
    for _ in range(3):
        parents = data.draw(
            st.lists(st.integers(0, len(prefixes) - 1), min_size=1, max_size=4), label="parents"
        )
        tokens = random_ids(rng, config, len(parents))
        ours = decoding.advance(tokens, np.array(parents))
        prefixes = [[*prefixes[p], int(t)] for p, t in zip(parents, tokens, strict=True)]
        origins = [origins[p] for p in parents]
        full = [_full(model, sources[o], p) for o, p in zip(origins, prefixes, strict=True)]
        np.testing.assert_allclose(ours, full, atol=1e-10)


def test_rows_of_a_beam_share_what_they_attend_to():
    """Rows side by side of sources of two lengths; then a source is dropped."""
    model, rng = _model(), np.random.default_rng(0)
    sources = [random_ids(rng, model.config, length).tolist() for length in (3, 9, 4)]
    decoding, width = model.begin(sources), 3
    tokens = random_ids(rng, model.config, 9)
    decoding.advance(tokens, np.arange(3).repeat(width))
    parents = np.array([2, 0, 0, 8, 7, 8])  # of the first and the last source
    last = random_ids(rng, model.config, 6)
    ours = decoding.advance(last, parents)
    for row, (parent, token) in enumerate(zip(parents, last, strict=True)):
        full = _full(model, sources[parent // width], [int(tokens[parent]), int(token)])
        np.testing.assert_allclose(ours[row], full, atol=1e-10)


def test_a_long_decoding_outgrows_the_first_buffer():
    model = _model(max_length=80)
    tokens = random_ids(np.random.default_rng(0), model.config, 79)
    decoding = model.begin([[5, 6, 2]])
    for token in tokens:
        ours = decoding.advance(np.array([token]), np.array([0]))
    np.testing.assert_allclose(ours[0], _full(model, [5, 6, 2], tokens.tolist()), atol=1e-10)


@needs_rows_apart
@pytest.mark.parametrize("positions", ["sinusoidal", "rotary", "relative"])
@settings(max_examples=5)
@given(seed=st.integers(0, 99))
def test_a_sentence_does_not_depend_on_its_batch(positions, seed):
    config = small_config(
        d_model=64, feed_forward_dim=300, vocab_size=700, positions=positions, max_length=32
    )
    model = Transformer(config, random_weights(config, seed), dtype=np.float32)
    rng = np.random.default_rng(seed)
    sources = [random_ids(rng, config, n).tolist() for n in rng.integers(1, 31, 20)]

    def run(some: list[list[int]]) -> np.ndarray:
        decoding, rows = model.begin(some), np.arange(len(some))
        tokens, steps = np.ones(len(some), int), []
        for _ in range(6):
            steps.append(decoding.advance(tokens, rows))
            tokens = steps[-1].argmax(axis=-1)
        return np.stack(steps, 1)

    def in_batches(size: int) -> np.ndarray:
        return np.concatenate([run(sources[i : i + size]) for i in range(0, len(sources), size)])

    alone = in_batches(1)
    for size in (2, 4, 5, 20):
        together = in_batches(size)
        assert np.array_equal(together, alone), f"batches of {size}"


@needs_rows_apart
@given(counts=st.lists(st.integers(1, 5), min_size=2, max_size=4), data=st.data())
@settings(max_examples=10)
def test_a_beam_does_not_depend_on_how_many_rows_its_neighbours_have(counts, data):
    config = small_config(d_model=64, vocab_size=300, max_length=32)
    model = Transformer(config, random_weights(config), dtype=np.float32)
    rng = np.random.default_rng(sum(counts))
    sources = [random_ids(rng, config, int(n)).tolist() for n in rng.integers(1, 9, len(counts))]
    owners = data.draw(st.permutations([i for i, n in enumerate(counts) for _ in range(n)]))
    tokens = np.array([5 + i for i in range(len(owners))])
    more = tokens[::-1].copy()

    def advanced(wanted: list[int], rows: list[int]) -> np.ndarray:
        decoding = model.begin([sources[source] for source in wanted])
        first = [wanted.index(owners[row]) for row in rows]
        decoding.advance(tokens[rows], np.array(first))
        return decoding.advance(more[rows], np.arange(len(rows)))

    together = advanced(list(range(len(counts))), list(range(len(owners))))
    for source in range(len(counts)):
        rows = [row for row, owner in enumerate(owners) if owner == source]
        assert np.array_equal(advanced([source], rows), together[rows])


def test_greedy_takes_the_likeliest_token():
    model = _model()
    sources = [[5, 6, 2], [7, 2], list(range(3, 20))]
    results = greedy(model, sources, max_length=9)
    for source, result in zip(sources, results, strict=True):
        prefix = [model.config.start_id]
        for token in result:
            assert int(_full(model, source, prefix).argmax()) == token
            prefix.append(token)
        if len(result) < 9:
            assert int(_full(model, source, prefix).argmax()) == model.config.end_id
    assert greedy(model, []) == []


def test_greedy_stops_at_the_models_limit():
    model = _model()
    model.weights["embedding.weight"][2] = 0  # the end token is never the likeliest
    model = Transformer(model.config, model.weights)
    assert max(len(result) for result in greedy(model, [[5, 6, 2]])) <= model.config.max_length


def test_what_cannot_be_decoded_is_refused():
    with pytest.raises(ConfigError, match="decoder_layers=0"):
        _model(decoder_layers=0).begin([[5]])
    model = _model()
    with pytest.raises(ShapeError, match=r"Source 1 has 25 tokens, .* max_length is 24"):
        model.begin([[5], [5] * 25])
    with pytest.raises(ShapeError, match="Source 0 is empty"):
        model.begin([[]])
    decoding = model.begin([[5]])
    with pytest.raises(ShapeError, match=r"between 0 and 0; they are \[1\]"):
        decoding.advance(np.array([1]), np.array([1]))
    with pytest.raises(ShapeError, match="one token and one parent"):
        decoding.advance(np.array([1, 2]), np.array([0]))
    for _ in range(24):
        decoding.advance(np.array([1]), np.array([0]))
    with pytest.raises(ShapeError, match="target of 25 tokens is longer"):
        decoding.advance(np.array([1]), np.array([0]))
