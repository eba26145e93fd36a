"""RoBERTa, XLM-RoBERTa and CamemBERT against transformers itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import CheckpointError
from tests.pretrained.encoders.comparing import (
    LENGTH,
    SHAPES,
    assert_equal_numbers,
    batch,
    encoder_of,
    random_model,
    transformers,
    truth,
)
from tests.pretrained.transformers_folders import change_config

NAMES = ("Roberta", "XLMRoberta", "Camembert")
SHAPE = {"heads": 3, "head_dim": 5, "layers": 2, "feed_forward": 11, "vocab": 23, "longest": 9}
SHAPE["activation"] = "gelu"


def model_of(name="Roberta", kind="ForMaskedLM", shape=SHAPE, pad=1, seed=0, **others):
    config = getattr(transformers, f"{name}Config")(
        vocab_size=shape["vocab"],
        hidden_size=shape["heads"] * shape["head_dim"],
        num_attention_heads=shape["heads"],
        num_hidden_layers=shape["layers"],
        intermediate_size=shape["feed_forward"],
        max_position_embeddings=shape["longest"] + pad + 1,
        hidden_act=shape["activation"],
        pad_token_id=pad,
        **{"type_vocab_size": 1, **others},
    )
    return random_model(getattr(transformers, f"{name}{kind}"), config, seed)


@settings(max_examples=8)
@given(
    shape=SHAPES, name=st.sampled_from(NAMES), kind=st.sampled_from(["Model", "ForMaskedLM"]),
    pad=st.integers(0, 4), side=st.sampled_from(["left", "right"]), types=st.integers(1, 2),
)  # fmt: skip
def test_any_shape(tmp_path_factory, shape, name, kind, pad, side, types):
    model = model_of(name, kind, shape, pad, shape["seed"], type_vocab_size=types)
    folder = tmp_path_factory.mktemp("model")
    encoder = assert_equal_numbers(
        model, folder, seed=shape["seed"], side=side, token_types=types if types > 1 else 0
    )
    assert encoder.max_length == shape["longest"]


def test_padding_in_the_middle_has_no_position(tmp_path):
    model = model_of()
    model.save_pretrained(tmp_path)
    ids, mask = np.array([[5, 1, 6, 1, 7]]), np.array([[True, False, True, True, True]])
    hidden, _ = truth(model, ids, mask, None, "float64")
    result = encoder_of(tmp_path).hidden(ids, mask=mask)
    np.testing.assert_allclose(result[mask], hidden[mask], atol=1e-9)


def test_the_longest_text_fits_and_a_longer_one_is_refused(tmp_path):
    model = model_of(shape={**SHAPE, "longest": LENGTH})
    encoder = assert_equal_numbers(model, tmp_path, dtypes=["float64"])
    with pytest.raises(ValueError, match="reads at most 7 tokens"):
        encoder.hidden(np.full((1, LENGTH + 1), 3))


@pytest.mark.parametrize("kind", ["ForSequenceClassification", "ForQuestionAnswering"])
def test_of_models_with_other_heads_the_encoder_is_read(tmp_path, kind):
    model = model_of(kind=kind)
    model.save_pretrained(tmp_path)
    encoder = encoder_of(tmp_path)
    labels = {"classify"} if kind.endswith("ForSequenceClassification") else set()
    assert encoder.pretrained.tasks == {"embed", *labels}
    ids, mask, _ = batch(model.config)
    hidden, _ = truth(model.roberta, ids, mask, None, "float64")
    np.testing.assert_allclose(encoder.hidden(ids, mask=mask)[mask], hidden[mask], atol=1e-9)


def test_a_head_of_its_own_matrix(tmp_path):
    encoder = assert_equal_numbers(model_of(tie_word_embeddings=False), tmp_path)
    assert not encoder.pretrained.config.tied_output


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"is_decoder": True}, "RoBERTa is read as an encoder alone"),
        ({"position_embedding_type": "relative_key_query"}, "relative_key_query"),
        ({"pad_token_id": None}, "pad_token_id.*is null"),
        ({"max_position_embeddings": 2}, "first position of RoBERTa"),
    ],
)
def test_what_is_refused(tmp_path, change, words):
    model_of().save_pretrained(tmp_path)
    change_config(tmp_path, change)
    with pytest.raises(CheckpointError, match=words):
        encoder_of(tmp_path)
