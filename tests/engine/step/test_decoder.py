"""A step that nobody watches gives the bits of the reference's layers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config_parts import AttentionConfig, EmbeddingConfig
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.engine.source_decoding import SourceDecoding
from clearhead.engine.step import DecoderStep
from clearhead.reference import OFF, Trace, Transformer
from clearhead.reference.products import PLAIN
from tests.engine.engines import engine_of
from tests.kernel_sets import run, skip_without
from tests.reference.models import configs, random_ids, random_weights, small_config

PLAIN_CONFIGS = [
    small_config(),
    small_config(norm_place="after", positions="learned"),
    small_config(norm="rms", norm_place="before", activation="swiglu", bias=False),
    small_config(norm_place="after", activation="gelu", positions="none", num_kv_heads=4),
    small_config(
        attention=AttentionConfig(head_dim=6, scale=0.3), embedding=EmbeddingConfig(norm=True)
    ),
]
OTHER_CONFIGS = [
    small_config(positions="rotary"),
    small_config(positions="relative"),
    small_config(num_kv_heads=2),
    small_config(norm_place="both"),
    small_config(attention=AttentionConfig(softcap=5.0)),
    small_config(attention=AttentionConfig(head_norm=True)),
    small_config(attention=AttentionConfig(windows=(2,))),
    small_config(encoder_layers=0),
    small_config(decoder_layers=0),
]


def off(position):
    return OFF


def both_ways(model, sources, steps):
    """The log-probabilities of each step, by the layers and by the step."""
    step = DecoderStep.of(model)
    decodings = [SourceDecoding(model, sources, off, way) for way in (None, step)]
    return [[decoding.advance(*arguments) for decoding in decodings] for arguments in steps]


@given(config=st.sampled_from(PLAIN_CONFIGS) | configs(decoder=True, encoder=True), data=st.data())
def test_steps_have_the_bits_of_the_layers(config, data):
    """Rows dropped, copied and reordered; sources of several lengths, and one of padding alone."""
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    model = ReferenceEngine.build(config, random_weights(config), dtype=dtype).model
    lengths = data.draw(st.lists(st.integers(1, 11), min_size=1, max_size=4))
    sources = [random_ids(rng, config, n).tolist() for n in lengths]
    if data.draw(st.booleans()):
        sources[0] = [config.pad_id] * len(sources[0])
    steps, rows = [], len(sources)
    for _ in range(4):
        parents = data.draw(st.lists(st.integers(0, rows - 1), min_size=1, max_size=5))
        steps.append((random_ids(rng, config, len(parents)), np.array(parents)))
        rows = len(parents)
    for layers, step in both_ways(model, sources, steps):
        np.testing.assert_array_equal(step, layers)


@pytest.mark.parametrize("config", PLAIN_CONFIGS)
def test_plain_models_have_a_step(config):
    assert DecoderStep.of(Transformer(config, random_weights(config))) is not None


@pytest.mark.parametrize("config", OTHER_CONFIGS)
def test_models_with_more_are_left_to_the_layers(config):
    assert DecoderStep.of(Transformer(config, random_weights(config))) is None


def test_models_that_compute_otherwise_are_left_to_themselves():
    class Other(Transformer):
        pass

    config = small_config()
    assert DecoderStep.of(Other(config, random_weights(config))) is None


def test_plain_products_of_numpy_are_used_as_they_are():
    config = small_config()
    model = Transformer(config, random_weights(config), products=PLAIN)
    step = (np.array([5, 6, 7]), np.array([0, 0, 1]))
    ((layers, lean),) = both_ways(model, [[5, 6, 2], [7, 2]], [step])
    np.testing.assert_array_equal(lean, layers)


def test_who_watches_sees_every_step_and_the_same_numbers():
    trace = Trace()
    engine = engine_of()
    watched = ReferenceEngine(engine.model, watch=lambda position: trace.at(f"at{position}"))
    arguments = np.array([1]), np.array([0])
    ours = engine.begin([[5, 6, 2]]).advance(*arguments)
    np.testing.assert_array_equal(watched.begin([[5, 6, 2]]).advance(*arguments), ours)
    assert trace["at0.decoder.layers.1.cross_attention.weights"].value.shape == (1, 4, 1, 4)


def test_no_rows_are_no_step():
    decoding = engine_of().begin([[5, 6, 2]])
    decoding.advance(np.array([1]), np.array([0]))
    nothing = np.array([], np.int64)
    assert decoding.advance(nothing, nothing).shape == (0, 29)


KERNELS_AGREE = """
import numpy as np
from clearhead.config import TransformerConfig
from clearhead.engine.reference_engine import ReferenceEngine
from clearhead.engine.source_decoding import SourceDecoding
from clearhead.engine.step import DecoderStep
from clearhead.reference import OFF
from clearhead.reference.weights import expected_shapes

config = TransformerConfig(vocab_size=700, encoder_layers=1, decoder_layers=2, max_length=64)
rng = np.random.default_rng(0)
weights = {n: rng.standard_normal(s) * 0.05 for n, s in expected_shapes(config).items()}
model = ReferenceEngine.build(config, weights).model
sources = [[int(t) for t in rng.integers(3, 700, n)] for n in (5, 9, 9, 23) * 10]
same = []
for count in (1, 3, 40):
    ways = [SourceDecoding(model, sources[:count], lambda p: OFF, s)
            for s in (None, DecoderStep.of(model))]
    rows = count
    for new in (count, 4 * count, 4 * count, 2, 2):
        tokens, parents = rng.integers(3, 700, new), rng.integers(0, rows, new)
        layers, step = (way.advance(tokens, parents) for way in ways)
        same.append(np.array_equal(layers, step))
        rows = new
print(all(same))
"""


@pytest.mark.parametrize("kernels", ["", "Haswell", "SkylakeX"])
def test_every_set_of_kernels_gives_both_the_same_bits(kernels):
    skip_without(kernels)
    assert run(KERNELS_AGREE, kernels).strip() == "True"
