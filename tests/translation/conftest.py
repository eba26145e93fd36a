"""A small random model of ours in a folder."""

from __future__ import annotations

import numpy as np
import pytest

TRAINING_TEXTS = [
    "Where is the station? I would like a cup of tea, please.",
    "Où est la gare ? Je voudrais une tasse de thé, s'il vous plaît.",
    "The old man and the young woman walk slowly to the house by the river.",
    "Le vieil homme et la jeune femme marchent lentement vers la maison.",
] * 5


def write_checkpoint(folder, *, seed=0, dtype=np.float32, states=None, **changes):
    """A small random model in a folder; its output is nonsense, and always the same.

    Args:
        states: what its config.json says beside the model, such as its languages.
    """
    import json

    from safetensors.numpy import save_file

    from clearhead.config import TransformerConfig
    from clearhead.reference.weights import expected_shapes
    from clearhead.text.tokenizer import Tokenizer

    tokenizer = Tokenizer.train(TRAINING_TEXTS, 420)
    shape = {"d_model": 32, "num_heads": 4, "feed_forward_dim": 48, "max_length": 64}
    shape |= {"encoder_layers": 2, "decoder_layers": 2, "tied_embeddings": False}
    config = TransformerConfig.from_dict({"vocab_size": tokenizer.vocab_size, **shape, **changes})
    generator = np.random.default_rng(seed)
    weights = {}
    for name, size in expected_shapes(config).items():
        scale = 1.0 if "embedding" in name else 2.0
        array = generator.normal(size=size) * scale * size[-1] ** -0.5
        weights[name] = (array + name.endswith("norm.weight")).astype(dtype)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(folder / "tokenizer.json")
    save_file(weights, folder / "model.safetensors")
    content = {"format": 1, "model": config.to_dict(), "provenance": {"seed": seed}}
    content |= states or {}
    (folder / "config.json").write_text(json.dumps(content))
    return folder


def write_classifier(folder, labels=("no", "so so", "yes"), **changes):
    """A small random classifier of texts."""
    output = {"labels": len(labels)}
    states = {"labels": list(labels)}
    return write_checkpoint(folder, states=states, decoder_layers=0, output=output, **changes)


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("models") / "random")


@pytest.fixture
def new_model(tmp_path):
    """A function that writes a model of its own for a test that damages it."""
    return lambda **changes: write_checkpoint(tmp_path / "model", **changes)


@pytest.fixture(scope="session")
def translator(model_folder):
    from clearhead.translation.translator import Translator

    return Translator.load(model_folder)
