from __future__ import annotations

import numpy as np
import pytest
import torch

from clearhead.config_parts import EmbeddingConfig
from clearhead.errors import ConfigError, ShapeError
from clearhead.reference.layers.embedding import Embedding
from clearhead.reference.positions import sinusoidal_positions
from clearhead.reference.tracing.trace import Trace
from tests.reference.exact_transformers import arrays, double_throughout, randomize
from tests.reference.models import random_weights, small_config

IDS = np.array([[5, 6, 7], [8, 9, 5]])


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned", "rotary", "alibi", "relative"])
def test_it_is_the_row_of_each_token_and_its_position(positions, tied, scale):
    config = small_config(positions=positions, tied_embeddings=tied, scale_embedding=scale)
    weights = random_weights(config)
    for side in ("source", "target"):
        matrix = weights["embedding.weight" if tied else f"{side}_embedding.weight"]
        expected = matrix[IDS] * (4 if scale else 1)  # the square root of d_model, 16
        if positions == "sinusoidal":
            expected = expected + sinusoidal_positions(24, 16)[2:5]
        if positions == "learned":
            expected = expected + weights[f"{side}_positions.weight"][2:5]
        trace = Trace()
        x = Embedding(config, weights)(IDS, side, start=2, trace=trace)
        np.testing.assert_allclose(x, expected, atol=1e-14)
        assert trace.paths[:2] == ["tokens", "embedding"]
        assert ("scaled_embedding" in trace) == scale
        assert ("positions" in trace) == (positions in ("sinusoidal", "learned"))
        assert trace.paths[-1] == "embedded"


def test_weights_stay_as_they_are():
    config = small_config()
    weights = random_weights(config)
    before = weights["embedding.weight"].copy()
    Embedding(config, weights)(IDS, "source")
    np.testing.assert_array_equal(weights["embedding.weight"], before)


def test_texts_and_ids_beyond_the_model_are_refused():
    embedding = Embedding(small_config(), random_weights(small_config()))
    with pytest.raises(ShapeError, match=r"A target of 25 tokens is longer .* max_length of 24"):
        embedding(IDS, "target", start=22)
    with pytest.raises(ShapeError, match=r"The source has the token id 29; .* between 0 and 28"):
        embedding(np.array([[5, 29]]), "source")


# Padding, id 1, at either end.
PADDED = np.array([[5, 6, 7, 1, 1], [1, 8, 9, 5, 6]])
TYPES = np.array([[0, 0, 1, 0, 0], [0, 1, 1, 1, 0]])


def renamed(state: dict) -> dict:
    """The weights of transformers' embeddings under the names of ours."""
    return {
        "embedding.weight": state["word_embeddings.weight"],
        "source_positions.weight": state["position_embeddings.weight"],
        "token_types.weight": state["token_type_embeddings.weight"],
        "source_embedding_norm.weight": state["LayerNorm.weight"],
        "source_embedding_norm.bias": state["LayerNorm.bias"],
    }


@pytest.mark.slow  # to import transformers takes seconds
@pytest.mark.parametrize("family", ["Bert", "Roberta"])
@pytest.mark.parametrize("types", [None, TYPES])
def test_it_is_that_of_bert_and_roberta(family, types):
    import transformers
    from transformers.models.bert.modeling_bert import BertEmbeddings
    from transformers.models.roberta.modeling_roberta import RobertaEmbeddings

    kind = {"Bert": BertEmbeddings, "Roberta": RobertaEmbeddings}[family]
    with double_throughout():
        module = kind(
            getattr(transformers, f"{family}Config")(
                hidden_size=16, vocab_size=29, max_position_embeddings=12, type_vocab_size=2,
                pad_token_id=1, hidden_dropout_prob=0.0, layer_norm_eps=1e-12,
            )
        )  # fmt: skip
        randomize(module)
        theirs = module(
            torch.from_numpy(PADDED),
            token_type_ids=None if types is None else torch.from_numpy(types),
        ).detach().numpy()  # fmt: skip
    offset = 2 if family == "Roberta" else 0
    config = small_config(
        decoder_layers=0, positions="learned", scale_embedding=False, max_length=12 - offset,
        pad_id=1, norm_epsilon=1e-12,
        embedding=EmbeddingConfig(
            norm=True, token_types=2, position_offset=offset, skip_padding=bool(offset)
        ),
    )  # fmt: skip
    embedding, trace = Embedding(config, renamed(arrays(module))), Trace()
    ours = embedding(PADDED, "source", token_types=types, trace=trace)
    np.testing.assert_allclose(ours, theirs, atol=1e-12)
    assert trace.paths[-1] == "embedded"
    assert trace["embedded"].of == ("source_embedding_norm.output",)
    if offset:
        assert trace["position_ids"].value.tolist() == [[2, 3, 4, 1, 1], [1, 2, 3, 4, 5]]


@pytest.mark.slow  # to import transformers takes seconds
@pytest.mark.parametrize("start", [0, 3])
def test_positions_beside_padding_are_those_of_m2m100(start):
    from transformers.models.m2m_100 import modeling_m2m_100

    with double_throughout():
        module = modeling_m2m_100.M2M100SinusoidalPositionalEmbedding(24, 16, 1)
        theirs = module(torch.from_numpy(PADDED), past_key_values_length=start).numpy()
    part = EmbeddingConfig(position_offset=2, skip_padding=True, sinusoid="halves_to_end")
    config = small_config(pad_id=1, embedding=part)
    trace = Trace()
    Embedding(config, random_weights(config))(PADDED, "target", start=start, trace=trace)
    np.testing.assert_allclose(trace["positions"].value, theirs, atol=1e-12)
    assert not trace["positions"].value[0, 3].any()


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_positions_may_stand_at_a_later_row(positions):
    config = small_config(positions=positions, embedding=EmbeddingConfig(position_offset=2))
    weights, trace = random_weights(config), Trace()
    Embedding(config, weights)(IDS, "source", start=21, trace=trace)
    table = sinusoidal_positions(26, 16)
    if positions == "learned":
        table = weights["source_positions.weight"]
    assert len(table) == 26
    np.testing.assert_allclose(trace["positions"].value, table[23:], atol=1e-15)


def test_token_types_are_checked():
    config = small_config(decoder_layers=0, embedding=EmbeddingConfig(token_types=2))
    embedding = Embedding(config, random_weights(config))
    with pytest.raises(ShapeError, match=r"shape \(2,\), and the tokens \(2, 3\)"):
        embedding(IDS, "source", token_types=np.array([0, 1]))
    with pytest.raises(ShapeError, match=r"between 0 and 1; there are \[0, 2\]"):
        embedding(IDS, "source", token_types=np.array([[0, 0, 2], [0, 0, 0]]))
    without = Embedding(small_config(), random_weights(small_config()))
    with pytest.raises(ConfigError, match="no token types"):
        without(IDS, "source", token_types=np.zeros((2, 3), int))
