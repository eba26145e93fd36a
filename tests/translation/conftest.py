"""Engines made of tables: search can be checked against them by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

PAD, START, END = 0, 1, 2


class FunctionEngine:
    """Answers from a function of source and prefix; counts the rows that it was asked for."""

    def __init__(self, vocab_size: int, function: Callable[..., np.ndarray]) -> None:
        self.vocab_size = vocab_size
        self.function = function
        self.rows: list[int] = []

    def begin(self, sources: Sequence[Sequence[int]]) -> FunctionDecoding:
        return FunctionDecoding(self, [tuple(source) for source in sources])


class FunctionDecoding:
    def __init__(self, engine: FunctionEngine, sources: list[tuple[int, ...]]) -> None:
        self.engine = engine
        self.state = [(source, ()) for source in sources]
        self.has_begun = False

    def advance(self, tokens: np.ndarray, parents: np.ndarray) -> np.ndarray:
        grown = []
        for token, parent in zip(tokens.tolist(), parents.tolist(), strict=True):
            source, prefix = self.state[parent]
            if not self.has_begun:
                assert token == START
                grown.append((source, ()))
            else:
                grown.append((source, (*prefix, token)))
        self.has_begun = True
        self.state = grown
        self.engine.rows.append(len(grown))
        return np.stack([self.engine.function(source, prefix) for source, prefix in grown])


def table(vocab_size: int, tables: Mapping[int, Mapping[tuple, Mapping[int, float]]]):
    """An engine of probabilities by first source token and prefix; a prefix not named ends."""

    def function(source: tuple[int, ...], prefix: tuple[int, ...]) -> np.ndarray:
        probabilities = np.zeros(vocab_size, dtype=np.float32)
        for token, value in tables[source[0]].get(prefix, {END: 1.0}).items():
            probabilities[token] = value
        with np.errstate(divide="ignore"):
            return np.log(probabilities)

    return FunctionEngine(vocab_size, function)


def arbitrary(vocab_size: int, sharpness: float = 2.0):
    """An engine of random log-probabilities, fixed by source and prefix alone."""

    def function(source: tuple[int, ...], prefix: tuple[int, ...]) -> np.ndarray:
        generator = np.random.default_rng([7, *source, 5, *prefix[-3:], len(prefix)])
        scores = generator.normal(size=vocab_size) * sharpness
        return (scores - np.log(np.exp(scores).sum())).astype(np.float32)

    return FunctionEngine(vocab_size, function)


@pytest.fixture
def table_engine() -> Callable[..., FunctionEngine]:
    return table


@pytest.fixture
def arbitrary_engine() -> Callable[..., FunctionEngine]:
    return arbitrary


TRAINING_TEXTS = [
    "Where is the station? I would like a cup of tea, please.",
    "Où est la gare ? Je voudrais une tasse de thé, s'il vous plaît.",
    "The old man and the young woman walk slowly to the house by the river.",
    "Le vieil homme et la jeune femme marchent lentement vers la maison.",
] * 5


def write_checkpoint(folder, *, seed=0, dtype=np.float32, **changes):
    """A small random model in a folder; its output is nonsense, and always the same."""
    import json

    from safetensors.numpy import save_file

    from clearhead.config import TransformerConfig
    from clearhead.reference.weights import expected_shapes
    from clearhead.text.tokenizer import Tokenizer

    tokenizer = Tokenizer.train(TRAINING_TEXTS, 420)
    shape = {"d_model": 32, "num_heads": 4, "feed_forward_dim": 48, "max_length": 64}
    shape |= {"encoder_layers": 2, "decoder_layers": 2, "tied_embeddings": False}
    config = TransformerConfig(vocab_size=tokenizer.vocab_size, **(shape | changes))
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
    (folder / "config.json").write_text(json.dumps(content))
    return folder


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
