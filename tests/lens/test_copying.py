"""Copying scores through small matrices are those of the whole matrix of [vocab, vocab]."""

from __future__ import annotations

import numpy as np
import pytest

from clearhead.config_parts import EmbeddingConfig, OutputConfig
from clearhead.errors import ConfigError
from clearhead.lens import copying_scores
from clearhead.reference.transformer import Transformer
from tests.reference.models import random_weights, small_config


def dense_scores(model: Transformer, layer: int) -> np.ndarray:
    """The formula as Elhage et al. write it, with norms as matrices, head by head."""
    config, weights = model.config, model.weights
    stack, side = ("decoder", "target") if config.decoder_layers else ("encoder", "source")
    path = f"{stack}.layers.{layer}.self_attention"
    eye = np.eye(config.d_model)
    centre = eye - 1 / config.d_model if config.norm == "layer" else eye

    def norm(name):
        return centre @ np.diag(weights[f"{name}.weight"])

    embedding = weights[f"{config.embedding_name(side)}.weight"]
    unembedding = weights[f"{config.output_name}.weight"].T
    after = norm(f"{path}_output_norm") if config.norm_place == "both" else eye
    scores = []
    heads, width = config.num_heads, config.head_dim
    for head in range(heads):
        shared = head * config.key_value_heads // heads
        value = weights[f"{path}.value.weight"][shared * width : (shared + 1) * width].T
        output = weights[f"{path}.output.weight"][:, head * width : (head + 1) * width].T
        whole = embedding @ norm(f"{path}_norm") @ value @ output @ after
        whole = whole @ norm(f"{stack}.norm") @ unembedding
        eigenvalues = np.linalg.eigvals(whole - whole.mean(1, keepdims=True))
        scores.append(eigenvalues.sum().real / np.abs(eigenvalues).sum())
    return np.array(scores)


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder_layers": 0},
        {"encoder_layers": 0, "norm": "rms", "num_kv_heads": 2, "positions": "rotary"},
        {"encoder_layers": 0, "norm": "rms", "norm_place": "both", "tied_embeddings": False},
        {},
    ],
)
def test_scores_are_those_of_the_whole_matrix(changes):
    config = small_config(**changes)
    model = Transformer(config, random_weights(config))
    copying = copying_scores(model)
    assert [*copying.scores] == [f"decoder.layers.{n}.self_attention" for n in range(2)]
    for layer, scores in enumerate(copying.scores.values()):
        np.testing.assert_allclose(scores, dense_scores(model, layer), atol=1e-8)
        assert np.ptp(scores) > 0.1
    assert len(copying.notes) == (2 if config.encoder_layers else 0)


def test_a_head_that_writes_what_it_reads_copies_and_one_that_writes_its_negative_does_not():
    config = small_config(encoder_layers=0, norm="rms", num_heads=2, decoder_layers=1)
    weights = random_weights(config)
    for name in ("decoder.norm", "decoder.layers.0.self_attention_norm"):
        weights[f"{name}.weight"] = np.ones(16)
    path = "decoder.layers.0.self_attention"
    value = weights[f"{path}.value.weight"]
    weights[f"{path}.output.weight"] = value.T * np.repeat([1.0, -1.0], 8)
    (scores,) = copying_scores(Transformer(config, weights)).scores.values()
    np.testing.assert_allclose(scores, [1.0, -1.0], atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm_place": "after"}, "normalises its stream after each sum"),
        ({"embedding": EmbeddingConfig(norm=True)}, "normalises its embeddings"),
        ({"decoder_layers": 0, "output": OutputConfig(transform="gelu")}, "an activation"),
        ({"decoder_layers": 0, "output": OutputConfig(labels=3)}, "predicts labels"),
        ({"output": OutputConfig(matrix=False, tied=False)}, "no output matrix"),
    ],
)
def test_where_more_than_products_lie_on_the_way_that_is_said(changes, message):
    config = small_config(**changes)
    with pytest.raises(ConfigError, match=message):
        copying_scores(Transformer(config, random_weights(config)))
