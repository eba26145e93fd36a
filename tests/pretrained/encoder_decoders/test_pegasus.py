from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.config_parts import EmbeddingConfig
from clearhead.errors import ConfigError
from clearhead.json_fields import Fields
from clearhead.pretrained.encoder_decoders.pegasus import PEGASUS
from tests.pretrained.encoder_decoders import saved_models

KIND = "PegasusForConditionalGeneration"
SHAPE = {**saved_models.BART_SHAPE, "scale_embedding": True, "activation_function": "relu"}


def read(members):
    return PEGASUS.read_config(Fields(members, "config.json"))


@pytest.mark.parametrize("changes", [{}, {"tie_word_embeddings": False, "d_model": 12}])
@pytest.mark.parametrize("dtype", saved_models.TOLERANCES)
def test_logits_equal_those_of_transformers(tmp_path, changes, dtype):
    theirs = saved_models.random_model(KIND, **{**SHAPE, **changes})
    saved_models.assert_agree(theirs, tmp_path, dtype, (11, 26))


@settings(max_examples=6)
@given(data=st.data())
def test_logits_of_any_shape_equal_those_of_transformers(tmp_path_factory, data):
    theirs = saved_models.random_model(
        KIND, data.draw(st.integers(0, 99)), **saved_models.draw_bart_shape(data)
    )
    saved_models.assert_agree(theirs, tmp_path_factory.mktemp("pegasus"), "float64")


def test_steps_equal_the_whole(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    saved_models.assert_steps_equal_the_whole(saved_models.read_back(theirs, tmp_path, "float64"))


def test_a_config_of_old_is_read_or_refused():
    # As google/pegasus-xsum has them.
    old = {
        "add_final_layer_norm": True,
        "extra_pos_embeddings": 1,
        "model_type": "pegasus",
        "normalize_before": True,
        "normalize_embedding": False,
        "scale_embedding": True,
        "static_position_embeddings": True,
    }
    config = read(old)
    assert (config.pad_id, config.start_id, config.end_id) == (0, 0, 1)
    assert (config.norm_place, config.scale_embedding) == ("before", True)
    assert config.embedding == EmbeddingConfig(sinusoid="halves")
    with pytest.raises(ConfigError, match=r"normalize_before.*False.*PEGASUS"):
        read({**old, "normalize_before": False})
