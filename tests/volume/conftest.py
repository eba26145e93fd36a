"""A small random model of ours whose translations end, as those of a trained one do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from clearhead.config_parts import OutputConfig
from clearhead.search.special_tokens import SpecialTokens
from clearhead.translation.checkpoint import Checkpoint, read_checkpoint
from clearhead.volume.ctranslate2_engine import Vocabulary
from tests.translation.conftest import write_checkpoint


def ending(checkpoint: Checkpoint, push: float = 3.0) -> Checkpoint:
    """The model with an end that is likelier, and padding and a second start that are not."""
    bias = checkpoint.weights["output.bias"].copy()
    bias[:2] = -40.0
    bias[2] += push
    weights = {**checkpoint.weights, "output.bias": bias}
    return dataclasses.replace(checkpoint, weights=weights, folder=None)  # it is in no folder


def random_sources(checkpoint: Checkpoint, count: int, longest: int = 9) -> list[list[int]]:
    rng = np.random.default_rng(1)
    size = checkpoint.config.vocab_size
    return [[*rng.integers(3, size, rng.integers(1, longest)).tolist(), 2] for _ in range(count)]


def vocabulary_of(checkpoint: Checkpoint) -> Vocabulary:
    tokenizer = checkpoint.tokenizer
    pieces = tokenizer.pieces(range(tokenizer.vocab_size))
    return Vocabulary(pieces, SpecialTokens.of(checkpoint.config))


@pytest.fixture(scope="session")
def make_checkpoint(tmp_path_factory):
    """A function that makes such a model, with a config changed in places."""

    def make(**changes):
        folder = tmp_path_factory.mktemp("model") / "random"
        shape = {"encoder_layers": 1, "decoder_layers": 1, "output": OutputConfig(bias=True)}
        return ending(read_checkpoint(write_checkpoint(folder, **(shape | changes))))

    return make


@pytest.fixture(scope="session")
def checkpoint(make_checkpoint):
    # Of several random models, one whose beams mostly end before they must.
    shape = {"encoder_layers": 2, "decoder_layers": 2, "activation": "swiglu", "norm": "rms"}
    return make_checkpoint(seed=2, bias=False, positions="learned", norm_epsilon=1e-6, **shape)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder of the user's."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "clearhead" / "ctranslate2"
