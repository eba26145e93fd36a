from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.config_parts import (
    AttentionConfig,
    DecoderConfig,
    EmbeddingConfig,
    OutputConfig,
    RotaryConfig,
)
from clearhead.engine.products import method
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.errors import ConfigError, ShapeError
from clearhead.reference.tracing.trace import OFF, Trace
from tests.engine.engines import engine_of
from tests.reference.models import random_ids, random_weights, small_config

# Norms on both sides and of heads, caps, windows, two rotary bases: what Gemma 2 and 3 have.
GEMMA = {
    "norm": "rms", "norm_place": "both", "positions": "rotary", "activation": "geglu_tanh",
    "num_kv_heads": 2, "rotary": RotaryConfig(local_base=100.0, scaling="linear", factor=4.0),
    "attention": AttentionConfig(
        head_dim=6, scale=0.3, softcap=2.0, head_norm=True, windows=(3, 0)
    ),
}  # fmt: skip

needs_rows_apart = pytest.mark.skipif(
    method(np.float32) == "whole", reason="this machine's BLAS keeps rows apart in no known way"
)


@needs_rows_apart
@pytest.mark.parametrize(
    "changes",
    [{}, {"positions": "rotary"}, {"positions": "relative"}, GEMMA],
    ids=["sinusoidal", "rotary", "relative", "all parts"],
)
@settings(max_examples=2)
@given(seed=st.integers(0, 99))
def test_a_sentence_does_not_depend_on_its_batch(changes, seed):
    config = small_config(
        **{"d_model": 64, "feed_forward_dim": 300, "vocab_size": 700, "max_length": 32, **changes}
    )
    engine = ReferenceEngine.build(config, random_weights(config, seed))
    rng = np.random.default_rng(seed)
    sources = [random_ids(rng, config, n).tolist() for n in rng.integers(1, 31, 20)]

    def run(some: list[list[int]]) -> np.ndarray:
        decoding, rows = engine.begin(some), np.arange(len(some))
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
    engine = ReferenceEngine.build(config, random_weights(config))
    rng = np.random.default_rng(sum(counts))
    sources = [random_ids(rng, config, int(n)).tolist() for n in rng.integers(1, 9, len(counts))]
    owners = data.draw(st.permutations([i for i, n in enumerate(counts) for _ in range(n)]))
    tokens = np.array([5 + i for i in range(len(owners))])
    more = tokens[::-1].copy()

    def advanced(numbers: list[int], rows: list[int]) -> np.ndarray:
        decoding = engine.begin([sources[source] for source in numbers])
        first = [numbers.index(owners[row]) for row in rows]
        decoding.advance(tokens[rows], np.array(first))
        return decoding.advance(more[rows], np.arange(len(rows)))

    together = advanced(list(range(len(counts))), list(range(len(owners))))
    for source in range(len(counts)):
        rows = [row for row, owner in enumerate(owners) if owner == source]
        assert np.array_equal(advanced([source], rows), together[rows])


def test_what_cannot_be_decoded_is_refused():
    with pytest.raises(ConfigError, match="decoder_layers=0"):
        engine_of(decoder_layers=0).begin([[5]])
    engine = engine_of()
    with pytest.raises(ShapeError, match=r"Source 1 has 25 tokens, .* max_length is 24"):
        engine.begin([[5], [5] * 25])
    with pytest.raises(ShapeError, match="Source 0 is empty"):
        engine.begin([[]])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"encoder_layers": 0},
        {"positions": "relative", "norm_place": "before"},
        {"num_kv_heads": 2},
        GEMMA,
        {**GEMMA, "encoder_layers": 0},
        {"encoder_layers": 0, "parallel_sublayers": True, "positions": "rotary",
         "rotary": RotaryConfig(dim=2)},
        {"embedding": EmbeddingConfig(norm=True, position_offset=2, skip_padding=True),
         "output": OutputConfig(bias=True, scale=0.5, softcap=3.0, transform="gelu"),
         "decoder": DecoderConfig(num_heads=2, num_kv_heads=1, feed_forward_dim=9)},
    ],
)  # fmt: skip
def test_a_trace_watches_each_step_of_a_decoding(changes):
    """Each step has the numbers of its row in the pass over the whole target."""
    engine = engine_of(**changes)
    source, target = [5, 6, 7, 2], [1, 9, 8, 7]
    trace, whole = Trace(), Trace()
    with_prompt = not engine.model.encoder_layers
    start = len(source) if with_prompt else 0
    watched_engine = ReferenceEngine(
        engine.model,
        watch=lambda position: trace.at("begin" if position is None else f"step.{position}"),
    )
    decoding = watched_engine.begin([source])
    for token in target:
        decoding.advance(np.array([token]), np.array([0]))
    if with_prompt:
        engine.model.forward(None, np.array([source + target]), trace=whole)
    else:
        engine.model.forward(np.array([source]), np.array([target]), trace=whole)
    paths = ["decoder.layers.1.self_attention.output", "decoder.output", "logits"]
    if not with_prompt:
        paths.append("decoder.layers.1.cross_attention.weights")
        steps = [(f"begin.{path}", path) for path in ("encoder.output", "encoder.layers.0.input")]
        for step, path in steps:
            np.testing.assert_allclose(trace[step].value, whole[path].value, atol=1e-12)
    for path in paths:
        for row in range(start, start + len(target)):
            expected = whole[path].value[..., row : row + 1, :]
            np.testing.assert_allclose(trace[f"step.{row}.{path}"].value, expected, atol=1e-10)


def test_what_a_watcher_replaces_is_what_decoding_goes_on_with():
    engine = engine_of()
    replace = {"*cross_attention.weights": lambda weights: weights[..., ::-1].copy()}
    trace = Trace(replace=replace)
    watched_engine = ReferenceEngine(
        engine.model, watch=lambda position: trace.at(f"step.{position}")
    )
    changed = watched_engine.begin([[5, 6, 7, 2]]).advance(np.array([1]), np.array([0]))
    plain = engine.begin([[5, 6, 7, 2]]).advance(np.array([1]), np.array([0]))
    assert np.abs(changed - plain).max() > 1e-3
    with Trace(replace=replace) as whole:
        logits = engine.model.forward(np.array([[5, 6, 7, 2]]), np.array([[1]]), trace=whole)
    exponentials = np.exp(logits[0, -1] - logits.max())
    np.testing.assert_allclose(np.exp(changed[0]), exponentials / exponentials.sum(), atol=1e-12)


def test_a_watched_engine_decodes_one_source_at_a_time():
    engine = ReferenceEngine(engine_of().model, watch=lambda position: OFF)
    with pytest.raises(ShapeError, match=r"one source at a time; 2 came"):
        engine.begin([[5, 2], [6, 2]])
