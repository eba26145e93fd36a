"""A small random model of ours in a folder: it writes nonsense, always the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from clearhead.config import TransformerConfig
from clearhead.reference.weights import expected_shapes
from clearhead.text.tokenizer import Tokenizer


def write_model(folder: Path, seed: int = 3) -> Path:
    """Write the model that a seed gives, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer.train(["the old house by the river", "la maison"] * 5, 300)
    config = TransformerConfig(
        vocab_size=tokenizer.vocab_size, d_model=16, num_heads=2, feed_forward_dim=16,
        encoder_layers=1, decoder_layers=1, max_length=48, tied_embeddings=False,
    )  # fmt: skip
    generator = np.random.default_rng(seed)
    weights = {
        name: generator.normal(size=shape).astype(np.float32)
        for name, shape in expected_shapes(config).items()
    }
    tokenizer.save(folder / "tokenizer.json")
    save_file(weights, folder / "model.safetensors")
    content = {"format": 1, "model": config.to_dict()}
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
