from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config_parts import AttentionConfig, OutputConfig
from clearhead.engine.cache import KeyValueCache
from clearhead.errors import ConfigError, ShapeError
from clearhead.reference.tracing.trace import Trace
from clearhead.reference.transformer import Transformer
from tests.reference.models import (
    image_configs,
    random_ids,
    random_pixels,
    random_weights,
    small_config,
    wide_configs,
)


def _model(**changes: object) -> Transformer:
    config = small_config(**changes)
    return Transformer(config, random_weights(config))


def _inputs(config, rng, source_len=6, target_len=5):
    source = random_ids(rng, config, 2, source_len) if config.encoder_layers else None
    target = random_ids(rng, config, 2, target_len) if config.decoder_layers else None
    return source, target


@given(config=wide_configs(encoder=True), seed=st.integers(0, 9), extra=st.integers(1, 8))
def test_padding_changes_nothing(config, seed, extra):
    rng = np.random.default_rng(seed)
    model = Transformer(config, random_weights(config, seed))
    source, target = _inputs(config, rng)
    padded = np.pad(source, ((0, 0), (0, extra)), constant_values=config.pad_id)
    ours = model.forward(padded, target)
    if target is None:
        ours = ours[:, : source.shape[1]]
    np.testing.assert_allclose(ours, model.forward(source, target), atol=1e-10)


@given(config=wide_configs(decoder=True), seed=st.integers(0, 9))
def test_later_target_tokens_change_nothing_before_them(config, seed):
    rng = np.random.default_rng(seed)
    model = Transformer(config, random_weights(config, seed))
    source, target = _inputs(config, rng)
    whole = model.forward(source, target)
    np.testing.assert_allclose(model.forward(source, target[:, :3]), whole[:, :3], atol=1e-10)


@given(
    config=wide_configs(decoder=True),
    seed=st.integers(0, 9),
    pieces=st.sampled_from(["1111", "31"]),
)
def test_a_cache_changes_nothing(config, seed, pieces):
    rng = np.random.default_rng(seed)
    model = Transformer(config, random_weights(config, seed))
    source, target = _inputs(config, rng, target_len=4)
    encoded = None if source is None else model.encode(source)
    cache = KeyValueCache.of(model, rows=2)
    parts = []
    for size in map(int, pieces):
        ids = target[:, cache.length : cache.length + size]
        parts.append(model.decode(ids, encoded, cache=cache))
    whole = model.decode(target, encoded)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-10)


@given(config=wide_configs())
def test_a_trace_changes_nothing_and_names_every_source(config):
    rng = np.random.default_rng(0)
    model = Transformer(config, random_weights(config))
    source, target = _inputs(config, rng)
    trace = Trace()
    assert np.array_equal(model.forward(source, target, trace=trace), model.forward(source, target))
    np.testing.assert_allclose(trace["probabilities"].value.sum(-1), 1)
    steps = {step.path: step for step in trace}
    sources, open_paths = set(), ["probabilities"]
    while open_paths:  # from the end back to the beginning
        step = steps[open_paths.pop()]
        sources.add(step.path)
        open_paths += [path for path in step.of if path not in sources]
    sides = [s for s, ids in (("encoder", source), ("decoder", target)) if ids is not None]
    for side in sides:
        last = f"{side}.layers.{getattr(config, f'{side}_layers') - 1}"
        assert {f"{side}.output", f"{last}.self_attention.scores"} <= sources


def test_paths_follow_the_weights():
    model, trace = _model(), Trace()
    model.forward(np.array([[5, 6, 2]]), np.array([[1, 7]]), trace=trace)
    for path in (
        "encoder.tokens",
        "encoder.scaled_embedding",
        "encoder.positions",
        "encoder.embedded",
        "encoder.layers.0.self_attention_norm.normalized",
        "encoder.layers.1.self_attention.scores",
        "decoder.layers.0.cross_attention.key",
        "decoder.layers.0.cross_attention_residual",
        "decoder.layers.1.feed_forward.hidden",
        "decoder.norm.output",
        "logits",
    ):
        assert path in trace
    assert trace["decoder.layers.1.cross_attention.weights"].shape == (1, 4, 2, 3)


def test_a_head_that_is_switched_off_is_a_head_without_output_weights():
    config = small_config()
    weights = random_weights(config)
    source, target = np.array([[5, 6, 2]]), np.array([[1, 7]])

    def ablate(output):
        output[:, 2] = 0
        return output

    with Trace(replace={"decoder.layers.0.cross_attention.output": ablate}) as trace:
        ours = Transformer(config, weights).forward(source, target, trace=trace)
    name = "decoder.layers.0.cross_attention.output.weight"
    weights[name] = weights[name].copy()
    weights[name][:, 8:12] = 0
    np.testing.assert_allclose(
        ours, Transformer(config, weights).forward(source, target), atol=1e-12
    )
    assert np.abs(ours - _model().forward(source, target)).max() > 1e-3


def test_float32_computes_in_float32():
    config = small_config()
    model = Transformer(config, random_weights(config), dtype=np.float32)
    source, target = np.array([[5, 6, 2]]), np.array([[1, 7]])
    logits = model.forward(source, target)
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, _model().forward(source, target), atol=1e-4)


def test_log_probabilities_are_those_of_the_logits():
    model = _model()
    ids = np.array([[5, 6, 2]]), np.array([[1, 7]])
    shares = np.exp(model.log_probabilities(*ids))
    odds = np.exp(model.forward(*ids))
    np.testing.assert_allclose(shares, odds / odds.sum(-1, keepdims=True), rtol=1e-10)


def test_lengths_and_ids_are_checked():
    model = _model()
    with pytest.raises(ShapeError, match=r"source of 25 tokens is longer than .* max_length of 24"):
        model.encode(np.ones((1, 25), int))
    with pytest.raises(ShapeError, match=r"source has the token id 29; .* between 0 and 28"):
        model.encode(np.array([[5, 29]]))
    with pytest.raises(ShapeError, match="target has the token id -1"):
        model.decode(np.array([[-1]]), model.encode(np.array([[5]])))


@given(config=wide_configs(), seed=st.integers(0, 9), extra=st.integers(1, 4))
def test_what_a_mask_hides_does_not_matter_whatever_its_ids_are(config, seed, extra):
    rng = np.random.default_rng(seed)
    # Where padding is not counted the ids say which tokens are padding.
    config = config.replace(embedding={**vars(config.embedding), "skip_padding": False})
    model = Transformer(config, random_weights(config, seed))
    source, target = _inputs(config, rng, source_len=5, target_len=5)
    first = target if source is None else source
    first[0, 1] = config.pad_id  # a real token here
    mask = np.ones((2, 5 + extra), bool)
    mask[:, 5:] = False
    whole = np.ones((2, 5), bool)

    def logits(ids, mask):
        ids = (None, ids) if source is None else (ids, target)
        return model.forward(*ids, mask=mask)[:, :5]

    expected = logits(first, whole)
    for _ in range(2):
        padding = rng.integers(0, config.vocab_size, (2, extra))
        padded = np.concatenate([first, padding], axis=1)
        np.testing.assert_allclose(logits(padded, mask), expected, atol=1e-10)


@given(
    config=wide_configs(decoder=True), seed=st.integers(0, 9), pieces=st.sampled_from(["7", "3211"])
)
def test_a_text_may_be_padded_at_its_beginning(pieces, config, seed):
    rng = np.random.default_rng(seed)
    model = Transformer(config, random_weights(config, seed))
    source, target = _inputs(config, rng, target_len=7)
    mask = np.ones((2, 7), bool)
    mask[1, :3] = False
    encoded = None if source is None else model.encode(source)
    cache = KeyValueCache.of(model, rows=2)

    def hidden(ids):
        start, parts = 0, []
        for end in np.cumsum(list(map(int, pieces))):
            new = ids[:, start:end]
            parts.append(model.decode(new, encoded, cache=cache, mask=mask[:, :end]))
            start = end
        return np.concatenate(parts, axis=1)

    ours = hidden(target)
    assert np.isfinite(ours).all()
    np.testing.assert_allclose(ours[0], model.decode(target, encoded)[0], atol=1e-10)
    other = target.copy()
    other[1, :3] = random_ids(rng, config, 3)
    changed = model.decode(other, encoded, mask=mask)
    np.testing.assert_allclose(changed[1, 3:], ours[1, 3:], atol=1e-10)


def test_a_query_at_padding_sees_nothing():
    model, trace = _model(encoder_layers=0, positions="rotary"), Trace()
    mask = np.array([[False, False, True, True]])
    model.decode(np.array([[5, 6, 7, 8]]), mask=mask, trace=trace)
    weights = trace["decoder.layers.0.self_attention.weights"].value[0]
    assert not weights[:, :2].any()
    assert not trace["decoder.layers.0.self_attention.output"].value[0, :, :2].any()
    np.testing.assert_allclose(weights[:, 2:].sum(-1), 1)
    assert not weights[:, 2:, :2].any()


@pytest.mark.parametrize("length", [1, 6])
def test_a_window_is_so_many_positions_with_the_querys_own(length):
    config = small_config(encoder_layers=0, attention=AttentionConfig(windows=(3, 0)))
    model, trace = Transformer(config, random_weights(config)), Trace()
    ids = random_ids(np.random.default_rng(0), config, 1, 8)
    cache = KeyValueCache.of(model, rows=1)
    if length < 8:
        model.decode(ids[:, :-length], cache=cache)
    model.decode(ids[:, -length:], cache=cache, trace=trace)
    i, j = np.arange(8)[-length:, None], np.arange(8)
    seen = [trace[f"decoder.layers.{n}.self_attention.weights"].value[0, 0] > 0 for n in (0, 1)]
    np.testing.assert_array_equal(seen[0], (j <= i) & (j > i - 3))
    np.testing.assert_array_equal(seen[1], j <= i)


def test_a_model_of_a_million_positions_is_built_for_those_that_are_read():
    for positions in ("rotary", "sinusoidal"):
        config = small_config(encoder_layers=0, positions=positions, max_length=2**20)
        weights = random_weights(config)
        tracemalloc.start()
        try:
            model = Transformer(config, weights)
            model.decode(random_ids(np.random.default_rng(0), config, 1, 5))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 2e6


def test_masks_and_token_types_are_checked():
    model, ids = _model(), np.array([[5, 6, 2]])
    with pytest.raises(ShapeError, match=r"boolean, .* \(1, 3\); it holds int64 of .* \(1, 3\)"):
        model.encode(ids, mask=np.ones((1, 3), int))
    with pytest.raises(ShapeError, match=r"\(1, 3\); it holds bool of the shape \(1, 2\)"):
        model.encode(ids, mask=np.ones((1, 2), bool))
    alone = _model(encoder_layers=0)
    with pytest.raises(ShapeError, match=r"\(1, 3\); it holds bool of the shape \(3,\)"):
        alone.decode(ids, mask=np.ones(3, bool))
    with pytest.raises(ConfigError, match="of the source's tokens, and there are none"):
        alone.forward(None, ids, token_types=np.zeros((1, 3), int))
    with pytest.raises(ConfigError, match="no token types"):
        model.encode(ids, token_types=np.zeros((1, 3), int))


@given(config=wide_configs(), seed=st.integers(0, 9))
def test_weights_of_the_dtype_are_not_copied(config, seed):
    weights = random_weights(config, seed)
    model = Transformer(config, weights)
    assert all(model.weights[name] is array for name, array in weights.items())


@given(config=image_configs(), seed=st.integers(0, 9))
def test_a_patch_that_is_replaced_is_another_image(config, seed):
    """What a trace replaces, the rest is computed from."""
    rng, weights = np.random.default_rng(seed), random_weights(config, seed)
    model = Transformer(config, weights)
    first, second = random_pixels(rng, config), random_pixels(rng, config)
    other = Trace(keep="encoder.patches")
    expected = model.forward(pixels=second, trace=other)
    patches = other["encoder.patches"].value
    with Trace(replace={"encoder.patches": lambda _: patches}) as trace:
        np.testing.assert_allclose(model.forward(pixels=first, trace=trace), expected, atol=1e-12)
    assert trace["encoder.patch_vectors"].of == ("encoder.patches",)


@given(config=image_configs(), seed=st.integers(0, 9))
def test_patches_that_a_mask_hides_do_not_matter(config, seed):
    rng = np.random.default_rng(seed)
    model = Transformer(config, random_weights(config, seed))
    pixels, part = random_pixels(rng, config), config.patches
    mask = np.ones((len(pixels), part.length), bool)
    mask[:, -1] = part.length == 1
    expected = model.forward(pixels=pixels, mask=mask)
    changed = pixels.copy()
    rows, columns = (part.rows - 1) * part.height, (part.columns - 1) * part.width
    changed[:, :, rows:, columns:] += 1.0
    if part.length > 1:
        ours = model.forward(pixels=changed, mask=mask)
        np.testing.assert_allclose(ours[:, :-1], expected[:, :-1], atol=1e-10)


def test_a_model_without_an_output_matrix_has_hidden_vectors_alone():
    config = small_config(
        decoder_layers=0, tied_embeddings=False, output=OutputConfig(matrix=False)
    )
    weights = random_weights(config)
    assert not any(name.startswith("output.") for name in weights)
    model, ids = Transformer(config, weights), np.array([[5, 6]])
    assert model.encode(ids).output.shape == (1, 2, 16)
    with pytest.raises(ConfigError, match=r"no logits: its config says output\.matrix=False"):
        model.forward(ids)
