"""A small model for the commands."""

from __future__ import annotations

import json

import numpy as np
import pytest


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A small random model: it writes nonsense, always the same."""
    from safetensors.numpy import save_file

    from clearhead.config import TransformerConfig
    from clearhead.reference.weights import expected_shapes
    from clearhead.text.tokenizer import Tokenizer

    folder = tmp_path_factory.mktemp("model")
    tokenizer = Tokenizer.train(["the old house by the river", "la maison"] * 5, 300)
    config = TransformerConfig(
        vocab_size=tokenizer.vocab_size, d_model=16, num_heads=2, feed_forward_dim=16,
        encoder_layers=1, decoder_layers=1, max_length=48, tied_embeddings=False,
    )  # fmt: skip
    generator = np.random.default_rng(3)
    weights = {
        name: generator.normal(size=shape).astype(np.float32)
        for name, shape in expected_shapes(config).items()
    }
    tokenizer.save(folder / "tokenizer.json")
    save_file(weights, folder / "model.safetensors")
    content = {"format": 1, "model": config.to_dict()}
    (folder / "config.json").write_text(json.dumps(content))
    return str(folder)
