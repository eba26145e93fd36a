from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from clearhead.config_parts import AttentionConfig, OutputConfig
from clearhead.errors import CheckpointError, ConfigError
from clearhead.json_fields import Fields
from clearhead.pretrained.encoder_decoders.t5 import T5
from clearhead.pretrained.reading import read_pretrained
from tests.pretrained.encoder_decoders import saved_models

KIND = "T5ForConditionalGeneration"
SHAPE = {
    "vocab_size": 37,
    "d_model": 20,
    "d_kv": 7,
    "d_ff": 18,
    "num_layers": 2,
    "num_decoder_layers": 3,
    "num_heads": 3,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 12,
    "decoder_start_token_id": 0,
}
V1_1 = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}

# google-t5/t5-small as it is on the hub, without its other tasks.
T5_SMALL = {
    "architectures": ["T5ForConditionalGeneration"],
    "d_ff": 2048,
    "d_kv": 64,
    "d_model": 512,
    "decoder_start_token_id": 0,
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "initializer_factor": 1.0,
    "is_encoder_decoder": True,
    "layer_norm_epsilon": 1e-06,
    "model_type": "t5",
    "n_positions": 512,
    "num_heads": 8,
    "num_layers": 6,
    "output_past": True,
    "pad_token_id": 0,
    "relative_attention_num_buckets": 32,
    "task_specific_params": {
        "translation_en_to_fr": {
            "early_stopping": True,
            "max_length": 300,
            "num_beams": 4,
            "prefix": "translate English to French: ",
        },
    },
    "vocab_size": 32128,
}
# google/flan-t5-small: the fields in which it differs.
FLAN_T5_SMALL = {
    **T5_SMALL,
    "d_ff": 1024,
    "feed_forward_proj": "gated-gelu",
    "num_decoder_layers": 8,
    "num_heads": 6,
    "num_layers": 8,
    "relative_attention_max_distance": 128,
    "tie_word_embeddings": False,
}


def read(members):
    return T5.read_config(Fields(members, "config.json"))


def v1_1(seed=0, **changes):
    """T5 v1.1, with an output matrix of its own, as the hub has it."""
    model = saved_models.random_model(KIND, seed, **{**SHAPE, **V1_1, **changes})
    output = saved_models.torch.randn(model.lm_head.weight.shape) * 0.3
    model.lm_head.weight = saved_models.torch.nn.Parameter(output)
    return model


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"feed_forward_proj": "gated-silu", "num_decoder_layers": None, "num_layers": 1},
        {"feed_forward_proj": "gelu", "d_kv": 16, "layer_norm_epsilon": 0.1},
        {"feed_forward_proj": "gated-relu", "relative_attention_max_distance": 128},
        {"tie_word_embeddings": False, "vocab_size": 50, "pad_token_id": 3},
    ],
)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-9)])
def test_logits_equal_those_of_transformers(tmp_path, changes, dtype, tolerance):
    theirs = saved_models.random_model(KIND, **{**SHAPE, **changes})
    ours = saved_models.read_back(theirs, tmp_path, dtype)
    if dtype == "float64":
        theirs = saved_models.in_float64(theirs)
    assert saved_models.largest_difference(theirs, ours, dtype) < tolerance
    assert saved_models.largest_difference(theirs, ours, dtype, seed=1, longest=30) < tolerance


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-4), ("float64", 1e-9)])
@pytest.mark.parametrize("kind", ["T5", "MT5"])
def test_an_output_matrix_of_its_own_is_read(tmp_path, kind, dtype, tolerance):
    theirs = v1_1()
    if kind == "MT5":
        config = saved_models.transformers.MT5Config(**SHAPE, attn_implementation="eager")
        multilingual = saved_models.transformers.MT5ForConditionalGeneration(config).eval()
        multilingual.lm_head.weight = saved_models.torch.nn.Parameter(theirs.lm_head.weight.clone())
        multilingual.load_state_dict(theirs.state_dict())
        theirs = multilingual
    ours = saved_models.read_back(theirs, tmp_path, dtype)
    assert ours.config.output == OutputConfig(tied=False)
    assert ours.config.tied_embeddings
    if dtype == "float64":
        theirs = saved_models.in_float64(theirs)
    assert saved_models.largest_difference(theirs, ours, dtype) < tolerance


@settings(max_examples=12)
@given(data=st.data())
def test_logits_of_any_shape_equal_those_of_transformers(tmp_path_factory, data):
    small = st.integers(1, 4)
    buckets = data.draw(st.integers(4, 40))
    theirs = saved_models.random_model(
        data.draw(st.sampled_from([KIND, "MT5ForConditionalGeneration"])),
        data.draw(st.integers(0, 99)),
        vocab_size=data.draw(st.integers(5, 60)),
        d_model=data.draw(st.integers(8, 33)),
        d_kv=data.draw(st.integers(1, 9)),
        d_ff=data.draw(st.integers(1, 40)),
        num_heads=data.draw(small),
        num_layers=data.draw(small),
        num_decoder_layers=data.draw(st.none() | small),
        relative_attention_num_buckets=buckets,
        relative_attention_max_distance=data.draw(st.integers(buckets // 2 + 1, 200)),
        feed_forward_proj=data.draw(st.sampled_from(["relu", "gated-gelu", "gated-silu", "gelu"])),
        tie_word_embeddings=data.draw(st.booleans()),
        pad_token_id=data.draw(st.integers(0, 4)),
        decoder_start_token_id=data.draw(st.integers(0, 4)),
    )
    ours = saved_models.read_back(theirs, tmp_path_factory.mktemp("t5"), "float64")
    theirs = saved_models.in_float64(theirs)
    assert saved_models.largest_difference(theirs, ours, "float64") < 1e-9


def test_a_mask_is_obeyed_whatever_the_ids_are(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    saved_models.assert_a_mask_is_obeyed(theirs, saved_models.read_back(theirs, tmp_path))


@pytest.mark.parametrize("buckets", [32, 18])
def test_long_texts_equal_those_of_transformers(tmp_path, buckets):
    # With 18 buckets, float64 would put distances of 8 and 16 into other ones than float32.
    shape = {"relative_attention_num_buckets": buckets, "relative_attention_max_distance": 128}
    theirs = saved_models.random_model(KIND, **{**SHAPE, **shape})
    ours = saved_models.read_back(theirs, tmp_path)
    assert saved_models.largest_difference(theirs, ours, "float32", longest=300) < 1e-4


def test_steps_equal_the_whole(tmp_path):
    ours = saved_models.read_back(v1_1(), tmp_path, "float64")
    saved_models.assert_steps_equal_the_whole(ours)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_and_parts_are_read(tmp_path, dtype):
    torch = saved_models.torch
    theirs = v1_1().to(getattr(torch, dtype))
    ours = saved_models.read_back(theirs, tmp_path, max_shard_size="4KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 2
    assert saved_models.largest_difference(theirs.float(), ours, "float32") < 1e-4


@pytest.mark.parametrize("name", ["encoder.embed_tokens.weight", "lm_head.weight"])
def test_the_embedding_is_read_under_any_of_its_names(tmp_path, name):
    theirs = saved_models.random_model(KIND, **SHAPE)
    theirs.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors[name] = tensors.pop("shared.weight")
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    ours = read_pretrained(tmp_path)
    assert ours.config.tied_output
    assert saved_models.largest_difference(theirs, ours, "float32") < 1e-4


def test_copies_and_the_useless_bias_of_old_files_are_no_error(tmp_path):
    theirs = saved_models.random_model(KIND, **SHAPE)
    theirs.save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    for name in ("encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"):
        tensors[name] = tensors["shared.weight"].copy()
    useless = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
    tensors[useless] = np.ones((8, 3), np.float32)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    ours = read_pretrained(tmp_path)
    assert saved_models.largest_difference(theirs, ours, "float32") < 1e-4


def test_fields_that_repeat_the_activation_decide_it(tmp_path):
    # transformers sets them last, whatever feed_forward_proj says.
    theirs = saved_models.random_model(KIND, **SHAPE, dense_act_fn="silu")
    ours = saved_models.read_back(theirs, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["feed_forward_proj"] == "relu"
    assert ours.config.activation == "silu"
    assert saved_models.largest_difference(theirs, ours, "float32") < 1e-4


def test_the_config_of_t5_small_is_read():
    config = read(T5_SMALL)
    assert (config.d_model, config.head_dim, config.decoder_layers) == (512, 64, 6)
    assert (config.pad_id, config.start_id, config.end_id) == (0, 0, 1)
    assert config.attention == AttentionConfig(head_dim=64, scale=1.0)
    assert config.output == OutputConfig(scale=512**-0.5)
    assert config.activation == "relu"
    assert config.relative_max_distance == 128
    assert config.max_length >= 100_000


def test_the_config_of_flan_t5_small_is_read():
    config = read(FLAN_T5_SMALL)
    assert config.activation == "geglu_tanh"
    assert config.num_heads * config.head_dim == 384
    assert config.output == OutputConfig(tied=False)


@pytest.mark.parametrize("name", ["T5Config", "MT5Config"])
def test_absent_fields_mean_what_transformers_means(name):
    theirs = getattr(saved_models.transformers, name)()
    assert read({"model_type": theirs.model_type}) == read(theirs.to_dict())


def test_mt5_is_gated_and_never_scales():
    config = read({"model_type": "mt5", "d_model": 32, "tie_word_embeddings": True})
    assert config.activation == "geglu_tanh"
    assert config.output.scale is None
    assert (config.vocab_size, config.encoder_layers, config.num_heads) == (250112, 8, 6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feed_forward_proj": "relu-gated"}, "feed_forward_proj.*relu-gated"),
        ({"feed_forward_proj": "gated-tanh"}, "feed_forward_proj.*tanh.*relu"),
        ({"dense_act_fn": "mish"}, "dense_act_fn.*mish"),
        ({"is_encoder_decoder": False}, "is_encoder_decoder.*false.*T5"),
        ({"num_hidden_layers": 7}, "num_layers.*6.*num_hidden_layers.*7"),
        ({"relative_attention_num_buckets": 3}, "relative_buckets"),
    ],
)
def test_what_is_not_computed_is_refused_by_name(changes, message):
    with pytest.raises(ConfigError, match=message):
        read({**T5_SMALL, **changes})


def test_a_missing_layer_is_named(tmp_path):
    saved_models.random_model(KIND, **SHAPE).save_pretrained(tmp_path)
    saved_models.change_settings(tmp_path, num_decoder_layers=4)
    with pytest.raises(CheckpointError, match=r"decoder\.block\.3\.layer"):
        read_pretrained(tmp_path)


def test_umt5_whose_every_layer_has_a_bias_of_its_own_is_refused(tmp_path):
    saved_models.random_model("UMT5ForConditionalGeneration", **SHAPE).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"'umt5' are not read here.*T5 \(t5, mt5\)"):
        read_pretrained(tmp_path)
