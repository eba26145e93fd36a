"""DistilBERT against transformers itself."""

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
    transformers,
    truth,
)
from tests.pretrained.transformers_folders import change_config

SHAPE = {"heads": 2, "head_dim": 6, "layers": 2, "feed_forward": 11, "vocab": 23, "longest": 9}
SHAPE["activation"] = "gelu"


def config_of(shape, **others):
    return transformers.DistilBertConfig(
        vocab_size=shape["vocab"],
        dim=shape["heads"] * shape["head_dim"],
        n_heads=shape["heads"],
        n_layers=shape["layers"],
        hidden_dim=shape["feed_forward"],
        max_position_embeddings=shape["longest"],
        activation=shape["activation"],
        **others,
    )


def model_of(kind="ForMaskedLM", **others):
    return random_model(getattr(transformers, f"DistilBert{kind}"), config_of(SHAPE, **others))


@settings(max_examples=6)
@given(
    shape=SHAPES,
    kind=st.sampled_from(["Model", "ForMaskedLM"]),
    side=st.sampled_from(["left", "right"]),
)
def test_any_shape(tmp_path_factory, shape, kind, side):
    cls = getattr(transformers, f"DistilBert{kind}")
    model = random_model(cls, config_of(shape), shape["seed"])
    folder = tmp_path_factory.mktemp("model")
    assert_equal_numbers(model, folder, seed=shape["seed"], side=side)


def test_sines_and_cosines_are_read_as_they_are_stored(tmp_path):
    config = config_of(SHAPE, sinusoidal_pos_embds=True)
    table = transformers.DistilBertModel(config).embeddings.position_embeddings.weight.clone()
    model = random_model(transformers.DistilBertForMaskedLM, config)
    model.distilbert.embeddings.position_embeddings.weight.data = table.detach()
    encoder = assert_equal_numbers(model, tmp_path)
    stored = encoder.pretrained.weights["source_positions.weight"]
    np.testing.assert_allclose(stored[3, :2], [np.sin(3), np.cos(3)], atol=1e-6)


@pytest.mark.parametrize(
    "kind", ["ForSequenceClassification", "ForQuestionAnswering", "ForTokenClassification"]
)
def test_of_models_with_other_heads_the_encoder_is_read(tmp_path, kind):
    model = model_of(kind)
    model.save_pretrained(tmp_path)
    encoder = encoder_of(tmp_path)
    labels = {"classify"} if kind.endswith("ForSequenceClassification") else set()
    assert encoder.pretrained.tasks == {"embed", *labels}
    ids, mask, _ = batch(model.config)
    hidden, _ = truth(model.distilbert, ids, mask, None, "float64")
    np.testing.assert_allclose(encoder.hidden(ids, mask=mask)[mask], hidden[mask], atol=1e-9)


def test_a_head_of_its_own_matrix(tmp_path):
    assert_equal_numbers(model_of(tie_word_embeddings=False), tmp_path)


def test_it_has_no_token_types(tmp_path):
    model_of().save_pretrained(tmp_path)
    ids = np.ones((1, 3), int)
    with pytest.raises(ValueError, match="token types"):
        encoder_of(tmp_path).hidden(ids, token_types=ids)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"is_decoder": True}, "DistilBERT is read as an encoder alone"),
        ({"activation": "tanh"}, "activation.*tanh"),
        ({"sinusoidal_pos_embds": "yes"}, "sinusoidal_pos_embds.*not true or false"),
    ],
)
def test_what_is_refused(tmp_path, change, words):
    model_of().save_pretrained(tmp_path)
    change_config(tmp_path, change)
    with pytest.raises(CheckpointError, match=words):
        encoder_of(tmp_path)
