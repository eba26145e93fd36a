"""Small configs and random weights for the tests of the reference."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from clearhead.config import ACTIVATIONS, NORM_PLACES, NORMS, POSITIONS, TransformerConfig
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


def random_ids(rng: np.random.Generator, config: TransformerConfig, *shape: int) -> np.ndarray:
    """Token ids without padding."""
    return rng.integers(3, config.vocab_size, shape)
