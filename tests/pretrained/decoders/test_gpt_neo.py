"""GPT-Neo against transformers: logits of random models in odd shapes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

transformers = pytest.importorskip("transformers")

from clearhead.errors import ConfigError  # noqa: E402
from clearhead.json_fields import Fields  # noqa: E402
from clearhead.pretrained.decoders.gpt_neo import GPT_NEO  # noqa: E402
from tests.pretrained.decoders.checkpoints import (  # noqa: E402
    assert_agree,
    assert_agree_in_both_spellings,
    decoder_sizes,
    random_model,
    small_model,
)

CASES = {
    "every other layer local": {"num_layers": 4, "attention_types": [[["global", "local"], 2]]},
    "types in several pairs": {
        "num_layers": 3,
        "attention_types": [[["local"], 2], [["global"], 1]],
        "intermediate_size": 10,
    },
    "untied": {"tie_word_embeddings": False, "activation_function": "relu", "window_size": 1},
}


@pytest.mark.parametrize("case", CASES)
def test_logits(case, tmp_path):
    assert_agree(small_model("GPTNeo", **CASES[case]), tmp_path)


@settings(max_examples=8)
@given(st.data(), decoder_sizes())
def test_any_config(data, sizes):
    layers = sizes["num_hidden_layers"]
    types = st.lists(st.sampled_from(["global", "local"]), min_size=layers, max_size=layers)
    config = transformers.GPTNeoConfig(
        vocab_size=sizes["vocab_size"],
        hidden_size=sizes["hidden_size"],
        num_layers=layers,
        num_heads=sizes["num_attention_heads"],
        max_position_embeddings=sizes["max_position_embeddings"],
        intermediate_size=data.draw(st.none() | st.integers(1, 30)),
        attention_types=[[data.draw(types), 1]],
        window_size=data.draw(st.integers(1, 10)),
        layer_norm_epsilon=sizes["rms_norm_eps"],
        tie_word_embeddings=sizes["tie_word_embeddings"],
    )
    assert_agree_in_both_spellings(random_model(transformers.GPTNeoForCausalLM, config))


@pytest.mark.parametrize(
    "types",
    [
        [],
        [[["global"], 1]],
        [[["global", "other"], 1]],
        [[["global", ["local"]], 1]],
        [["global", 2]],
        [[["global"], 10**9]],
        ["global", "local"],
    ],
)
def test_types_of_layers_that_cannot_be_computed_are_named(types):
    members = {"model_type": "gpt_neo", "num_layers": 2, "attention_types": types}
    with pytest.raises(ConfigError, match=r"'attention_types' of config\.json"):
        GPT_NEO.read_config(Fields(members, "config.json"))
