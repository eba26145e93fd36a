"""Small models of ours, one for each family of transformers that they can be written as."""

from __future__ import annotations

from functools import cache

import numpy as np

from clearhead.config import TransformerConfig
from clearhead.config_parts import AttentionConfig
from clearhead.text.tokenizer import Tokenizer
from clearhead.translation.checkpoint import Checkpoint
from tests.reference.models import random_weights

_LINES = ["the cat sleeps on the mat", "a cup of tea, please", "where is the station?"] * 4
_SMALL = {"d_model": 16, "num_heads": 4, "feed_forward_dim": 24, "max_length": 24, "dropout": 0.0}
_DECODER = {**_SMALL, "encoder_layers": 0, "decoder_layers": 2, "scale_embedding": False}
_SHAPES = {
    "Marian": {**_SMALL, "encoder_layers": 2, "decoder_layers": 1, "norm_place": "after"},
    "PEGASUS": {**_SMALL, "encoder_layers": 1, "decoder_layers": 2, "activation": "silu"},
    "Llama": {
        **_DECODER, "num_kv_heads": 2, "norm": "rms", "positions": "rotary", "bias": False,
        "activation": "swiglu", "tied_embeddings": False, "attention": AttentionConfig(head_dim=6),
    },
    "GPT-2": {**_DECODER, "positions": "learned", "activation": "gelu_tanh"},
}  # fmt: skip
FAMILIES = tuple(_SHAPES)


@cache
def tokenizer() -> Tokenizer:
    return Tokenizer.train(_LINES, 300)


def config_of(family: str, **changes: object) -> TransformerConfig:
    settings = {"vocab_size": tokenizer().vocab_size, **_SHAPES[family], **changes}
    return TransformerConfig(**settings)


def checkpoint_of(family: str, **changes: object) -> Checkpoint:
    """A model with random weights, drawn so large that a wrong place shows."""
    config = config_of(family, **changes)
    weights = {name: w.astype(np.float32) for name, w in random_weights(config).items()}
    return Checkpoint(config, weights, tokenizer())
