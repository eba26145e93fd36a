"""Small configs and random weights for the tests of the reference."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import strategies as st

from clearhead.config import ACTIVATIONS, NORM_PLACES, NORMS, POSITIONS, TransformerConfig
from clearhead.config_parts import (
    ROTARY_SCALINGS,
    SINUSOIDS,
    TRANSFORMS,
    AttentionConfig,
    DecoderConfig,
    EmbeddingConfig,
    OutputConfig,
    PatchConfig,
    RotaryConfig,
)
from clearhead.reference.weights import expected_shapes


def random_weights(config: TransformerConfig, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights large enough that a wrong formula shows."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in expected_shapes(config).items():
        weights[name] = rng.standard_normal(shape) * (0.3 if len(shape) == 1 else shape[-1] ** -0.5)
        if "norm" in name and name.endswith("weight"):
            weights[name] += 1.0
        if "relative_bias" in name:
            weights[name] *= 2.0
    return weights


def small_config(**changes: object) -> TransformerConfig:
    """A config of two layers a side and heads of four."""
    settings = {
        "vocab_size": 29,
        "d_model": 16,
        "num_heads": 4,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "feed_forward_dim": 24,
        "max_length": 24,
        "dropout": 0.0,
    }
    return TransformerConfig(**{**settings, **changes})


@st.composite
def configs(draw: st.DrawFn, *, decoder: bool = False, encoder: bool = False) -> TransformerConfig:
    """Any kind of small model; with ``decoder`` or ``encoder`` one that has it."""
    heads = draw(st.sampled_from([1, 2, 4, 6]))
    encoder_layers = draw(st.integers(int(encoder), 2))
    decoder_layers = draw(st.integers(1 if decoder or not encoder_layers else 0, 2))
    return TransformerConfig(
        vocab_size=draw(st.integers(8, 40)),
        d_model=heads * draw(st.sampled_from([2, 4, 8])),
        num_heads=heads,
        num_kv_heads=draw(st.sampled_from([None, *(n for n in (1, 2, 3) if heads % n == 0)])),
        encoder_layers=encoder_layers,
        decoder_layers=decoder_layers,
        feed_forward_dim=draw(st.integers(1, 30)),
        activation=draw(st.sampled_from(ACTIVATIONS)),
        norm=draw(st.sampled_from(NORMS)),
        norm_place=draw(st.sampled_from(NORM_PLACES)),
        positions=draw(st.sampled_from(POSITIONS)),
        max_length=24,
        dropout=0.0,
        bias=draw(st.booleans()),
        tied_embeddings=draw(st.booleans()),
        scale_embedding=draw(st.booleans()),
        relative_buckets=draw(st.sampled_from([4, 8, 32])),
        relative_max_distance=draw(st.sampled_from([20, 128])),
    )


@st.composite
def wide_configs(
    draw: st.DrawFn, *, decoder: bool = False, encoder: bool = False
) -> TransformerConfig:
    """Any kind of small model, with what other people's models have beside the Transformer."""
    config = draw(configs(decoder=decoder, encoder=encoder))
    both = bool(config.encoder_layers and config.decoder_layers)
    even = config.d_model // config.num_heads * draw(st.sampled_from([1, 2]))
    head_dim = draw(st.sampled_from([None, even]))
    transform = draw(st.sampled_from([None, *TRANSFORMS]))
    parts: dict[str, object] = {
        "attention": AttentionConfig(
            head_dim=head_dim,
            scale=draw(st.sampled_from([None, 1.0, 0.3])),
            softcap=draw(st.sampled_from([None, 2.0])),
            bias=draw(st.sampled_from([None, True, False])),
            output_bias=draw(st.sampled_from([None, True, False])),
            head_norm=draw(st.booleans()),
            windows=draw(st.sampled_from([(), (3,), (2, 0)])) if config.decoder_layers else (),
        ),
        "rotary": RotaryConfig(
            dim=draw(st.sampled_from([None, 2])),
            local_base=draw(st.sampled_from([None, 100.0])),
            scaling=draw(st.sampled_from(ROTARY_SCALINGS)),
            factor=4.0,
            original_length=16,
        ),
        "output": OutputConfig(
            tied=draw(st.sampled_from([None, True, False])),
            bias=draw(st.booleans()),
            scale=draw(st.sampled_from([None, 0.4])),
            softcap=draw(st.sampled_from([None, 3.0])),
            transform=transform,
            transform_norm=transform is None or draw(st.booleans()),
        ),
        "parallel_sublayers": config.norm_place == "before" and not both and draw(st.booleans()),
    }
    table = config.positions in ("sinusoidal", "learned")
    offset = draw(st.sampled_from([0, 2])) if table else 0
    parts["embedding"] = EmbeddingConfig(
        norm=draw(st.booleans()),
        token_types=0 if config.decoder_layers else draw(st.sampled_from([0, 2])),
        position_offset=offset,
        skip_padding=bool(offset) and draw(st.booleans()),
        sinusoid=draw(st.sampled_from(SINUSOIDS)),
    )
    if both and head_dim is not None and config.num_heads == 4:
        parts["decoder"] = DecoderConfig(num_heads=2, num_kv_heads=1, feed_forward_dim=7)
    return dataclasses.replace(config, **parts)


def random_ids(rng: np.random.Generator, config: TransformerConfig, *shape: int) -> np.ndarray:
    """Token ids without padding."""
    return rng.integers(3, config.vocab_size, shape)


@st.composite
def image_configs(draw: st.DrawFn) -> TransformerConfig:
    """Any kind of small model that reads images; pixels at the edges may fill no whole patch."""
    config = draw(configs())
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    patches = PatchConfig(
        height=height,
        width=width,
        image_height=height * draw(st.integers(1, 3)) + draw(st.integers(0, height - 1)),
        image_width=width * draw(st.integers(1, 3)) + draw(st.integers(0, width - 1)),
        channels=draw(st.integers(1, 3)),
        class_token=draw(st.booleans()),
    )
    return dataclasses.replace(
        config,
        encoder_layers=2,
        decoder_layers=0,
        tied_embeddings=False,
        scale_embedding=False,
        patches=patches,
        embedding=EmbeddingConfig(norm=draw(st.booleans())),
        output=OutputConfig(bias=draw(st.booleans())),
    )


def random_pixels(
    rng: np.random.Generator, config: TransformerConfig, batch: int = 2
) -> np.ndarray:
    """Images as a model of this config reads them."""
    part = config.patches
    return rng.standard_normal((batch, part.channels, part.image_height, part.image_width))
