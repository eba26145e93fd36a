"""BERT: every model of transformers that holds one, against transformers itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import CheckpointError
from tests.pretrained.encoders.comparing import (
    SHAPES,
    assert_equal_numbers,
    batch,
    encoder_of,
    random_model,
    torch,
    transformers,
    truth,
)
from tests.pretrained.transformers_folders import change_config, change_tensors

WITH_HEAD = ("BertForMaskedLM", "BertForPreTraining")
OTHERS = (
    *("BertModel", "BertForTokenClassification"),
    *("BertForQuestionAnswering", "BertForMultipleChoice", "BertForNextSentencePrediction"),
)


def config_of(shape, **others):
    return transformers.BertConfig(
        vocab_size=shape["vocab"],
        hidden_size=shape["heads"] * shape["head_dim"],
        num_attention_heads=shape["heads"],
        num_hidden_layers=shape["layers"],
        intermediate_size=shape["feed_forward"],
        max_position_embeddings=shape["longest"],
        hidden_act=shape["activation"],
        **others,
    )


SHAPE = {"heads": 3, "head_dim": 5, "layers": 2, "feed_forward": 11, "vocab": 23, "longest": 9}
SHAPE["activation"] = "gelu"


def model_of(name="BertForMaskedLM", seed=0, **others):
    return random_model(getattr(transformers, name), config_of(SHAPE, **others), seed)


@settings(max_examples=8)
@given(
    shape=SHAPES, name=st.sampled_from([*WITH_HEAD, "BertModel"]), types=st.integers(1, 3),
    side=st.sampled_from(["left", "right"]), eps=st.sampled_from([1e-12, 1e-5, 0.1]),
)  # fmt: skip
def test_any_shape(tmp_path_factory, shape, name, types, side, eps):
    config = config_of(shape, type_vocab_size=types, layer_norm_eps=eps)
    model = random_model(getattr(transformers, name), config, shape["seed"])
    folder = tmp_path_factory.mktemp("model")
    assert_equal_numbers(model, folder, seed=shape["seed"], side=side, token_types=types)


@pytest.mark.parametrize("name", WITH_HEAD)
def test_a_model_with_the_head_fills_masks(tmp_path, name):
    encoder = assert_equal_numbers(model_of(name), tmp_path, dtypes=["float64"])
    assert encoder.pretrained.tasks == {"embed", "fill_mask"}


@pytest.mark.parametrize("name", OTHERS)
def test_of_models_with_other_heads_the_encoder_is_read(tmp_path, name):
    model = model_of(name)
    model.save_pretrained(tmp_path)
    encoder = encoder_of(tmp_path)
    labels = {"classify"} if name.endswith("ForSequenceClassification") else set()
    assert encoder.pretrained.tasks == {"embed", *labels}
    ids, mask, _ = batch(model.config)
    hidden, _ = truth(getattr(model, "bert", model), ids, mask, None, "float64")
    np.testing.assert_allclose(encoder.hidden(ids, mask=mask)[mask], hidden[mask], atol=1e-9)
    with pytest.raises(CheckpointError, match="no head for masked words"):
        encoder.logits(ids)


def test_a_head_of_its_own_matrix(tmp_path):
    encoder = assert_equal_numbers(model_of(tie_word_embeddings=False), tmp_path)
    assert not encoder.pretrained.config.tied_output


def test_a_stored_matrix_is_read_though_the_config_says_it_is_the_embedding(tmp_path):
    assert_equal_numbers(model_of(tie_word_embeddings=False), tmp_path)
    change_config(tmp_path, {"tie_word_embeddings": True})
    model = transformers.BertForMaskedLM.from_pretrained(tmp_path).eval()
    ids, mask, _ = batch(model.config)
    logits = encoder_of(tmp_path).logits(ids, mask=mask)
    np.testing.assert_allclose(logits[mask], truth(model, ids, mask, None, "float64")[1][mask])


def test_old_names_of_norms_and_stored_positions(tmp_path):
    model = model_of()
    assert_equal_numbers(model, tmp_path, dtypes=["float64"])
    ids, mask, _ = batch(model.config)
    before = encoder_of(tmp_path).logits(ids, mask=mask)

    def old(tensors):
        names = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
        renamed = {}
        for name, tensor in tensors.items():
            end = next((end for end in names if name.endswith(end)), "")
            renamed[name.removesuffix(end) + names.get(end, "")] = tensor
        return {**renamed, "bert.embeddings.position_ids": np.arange(9)[None]}

    change_tensors(tmp_path, old)
    np.testing.assert_array_equal(encoder_of(tmp_path).logits(ids, mask=mask), before)


def test_a_part_of_the_head_that_is_missing_is_named(tmp_path):
    model_of().save_pretrained(tmp_path)
    lacking = "cls.predictions.transform.dense.bias"
    change_tensors(tmp_path, lambda tensors: {k: v for k, v in tensors.items() if k != lacking})
    with pytest.raises(CheckpointError, match=lacking):
        encoder_of(tmp_path)


def test_an_unknown_tensor_is_named(tmp_path):
    model_of().save_pretrained(tmp_path)
    change_tensors(tmp_path, lambda tensors: {**tensors, "adapter.weight": np.zeros(2, "f4")})
    with pytest.raises(CheckpointError, match=r"adapter\.weight"):
        encoder_of(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"is_decoder": True}, "is_decoder.*BERT is read as an encoder alone"),
        ({"add_cross_attention": True}, "add_cross_attention"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type.*relative_key"),
        ({"position_embedding_type": "alibi"}, "alibi"),
        ({"pruned_heads": {"0": [1]}}, "pruned_heads"),
        ({"hidden_act": "mish"}, "hidden_act.*mish.*gelu_new"),
        ({"hidden_size": 16}, "multiple of num_heads"),
        ({"num_hidden_layers": "two"}, "num_hidden_layers.*not a whole number"),
        ({"layer_norm_eps": None, "vocab_size": None}, "vocab_size"),
        ({"pad_token_id": 99}, "pad_id"),
    ],
)
def test_what_is_refused(tmp_path, change, words):
    model_of().save_pretrained(tmp_path)
    change_config(tmp_path, change)
    with pytest.raises(CheckpointError, match=words):
        encoder_of(tmp_path)


@pytest.mark.parametrize("name", ["bfloat16", "float16"])
def test_a_file_in_half_precision_is_widened(tmp_path, name):
    model = model_of().to(getattr(torch, name))
    model.save_pretrained(tmp_path)
    ids, mask, _ = batch(model.config)
    logits = encoder_of(tmp_path).logits(ids, mask=mask)
    expected = truth(model, ids, mask, None, "float64")[1]
    np.testing.assert_allclose(logits[mask], expected[mask], rtol=0, atol=1e-9)
