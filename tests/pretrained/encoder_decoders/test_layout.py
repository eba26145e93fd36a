from __future__ import annotations

import numpy as np
import pytest

from clearhead.config_parts import DecoderConfig
from clearhead.json_fields import Fields
from clearhead.pretrained.encoder_decoders.bart import BART
from clearhead.pretrained.encoder_decoders.m2m_100 import M2M_100
from clearhead.pretrained.encoder_decoders.marian import MARIAN
from clearhead.pretrained.encoder_decoders.mbart import MBART
from clearhead.pretrained.encoder_decoders.pegasus import PEGASUS
from clearhead.reference.weights import expected_shapes
from tests.pretrained.encoder_decoders import saved_models

FAMILIES = {
    "BartConfig": BART,
    "MBartConfig": MBART,
    "MarianConfig": MARIAN,
    "M2M100Config": M2M_100,
    "PegasusConfig": PEGASUS,
}


def read(family, **members):
    return family.read_config(Fields(members, "config.json"))


@pytest.mark.parametrize("name", FAMILIES)
def test_absent_fields_mean_what_transformers_means(name):
    theirs = getattr(saved_models.transformers, name)()
    empty, whole = read(FAMILIES[name]), read(FAMILIES[name], **theirs.to_dict())
    assert empty == whole


def test_sizes_of_the_decoder_are_its_own_where_they_differ():
    config = read(BART, decoder_attention_heads=8, decoder_ffn_dim=99)
    assert config.decoder == DecoderConfig(num_heads=8, feed_forward_dim=99)
    assert config.of_stack("decoder").head_dim == 128
    assert read(BART, decoder_attention_heads=16, decoder_ffn_dim=4096).decoder == DecoderConfig()


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("bias", [False, True])
def test_every_weight_has_a_place(name, bias):
    family = FAMILIES[name]
    config = read(family, encoder_layers=2, decoder_layers=3)
    tensors = {"shared.weight": (9, 4)} | ({"final_logits_bias": (1, 9)} if bias else {})
    config = family.fit_config(config, tensors)
    assert config.output.bias == (bias and name != "M2M100Config")
    assert set(family.weights(config, tensors)) == set(expected_shapes(config))


def test_the_bias_of_logits_loses_its_first_axis():
    tensors = {"shared.weight": (9, 4), "final_logits_bias": (1, 9)}
    place = BART.weights(BART.fit_config(read(BART), tensors), tensors)["output.bias"]
    assert place.change is not None
    np.testing.assert_array_equal(place.change(np.arange(9)[None]), np.arange(9))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_mask_is_obeyed_whatever_the_ids_are(tmp_path, name):
    kind = name.replace("Config", "ForConditionalGeneration").replace(
        "MarianForConditionalGeneration", "MarianMTModel"
    )
    shape = {**saved_models.BART_SHAPE, "pad_token_id": 1, "decoder_start_token_id": 2}
    theirs = saved_models.random_model(kind, **shape)
    saved_models.assert_a_mask_is_obeyed(theirs, saved_models.read_back(theirs, tmp_path))
