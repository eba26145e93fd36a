"""The settings of a model's files are those with which transformers generates."""

from __future__ import annotations

import dataclasses
import json

import pytest
import transformers
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import CheckpointError
from clearhead.generation.settings import GenerationSettings
from clearhead.generation.settings_file import read_generation, task_prefix

# As the makers of real models wrote them.
MARIAN = {
    "bad_words_ids": [[58100]], "bos_token_id": 0, "decoder_start_token_id": 58100,
    "eos_token_id": 0, "forced_eos_token_id": 0, "max_length": 512, "num_beams": 4,
    "pad_token_id": 58100, "renormalize_logits": True, "transformers_version": "4.32.0",
}  # fmt: skip
LLAMA = {
    "bos_token_id": 128000, "do_sample": True, "eos_token_id": [128001, 128008, 128009],
    "temperature": 0.6, "top_p": 0.9,
}  # fmt: skip
SUMMARIES = {
    "early_stopping": True, "length_penalty": 2, "max_length": 142, "min_length": 56,
    "no_repeat_ngram_size": 3, "num_beams": 4, "forced_bos_token_id": 0, "eos_token_id": 2,
    "forced_eos_token_id": 2, "decoder_start_token_id": 2, "use_cache": True,
}  # fmt: skip


@pytest.mark.parametrize("content", [{}, MARIAN, LLAMA, SUMMARIES])
def test_values_and_defaults_are_those_of_transformers(content, tmp_path):
    (tmp_path / "generation_config.json").write_text(json.dumps(content))
    theirs = transformers.GenerationConfig.from_pretrained(tmp_path).to_dict()
    defaults = transformers.GenerationConfig._get_default_generation_params()
    ours = read_generation(content)
    for name, value in vars(ours).items():
        if name in ("seed", "max_length"):
            continue
        expected = theirs[name] if theirs[name] is not None else defaults.get(name)
        empty = {(): None, False: None}.get(value) if value in ((), False) else value
        if isinstance(value, tuple) and value and isinstance(expected, int):
            expected = [expected]
        if name == "bad_words_ids" and value:
            empty = [list(words) for words in value]
        elif isinstance(value, tuple) and value:
            empty = list(value)
        assert (empty or None) == (expected or None), name
    assert ours.max_length == content.get("max_length")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_beam_groups", 2), ("diversity_penalty", 0.5), ("penalty_alpha", 0.6),
        ("guidance_scale", 1.5), ("stop_strings", ["."]), ("force_words_ids", [[3]]),
        ("encoder_no_repeat_ngram_size", 2), ("exponential_decay_length_penalty", [5, 1.1]),
        ("sequence_bias", [[[3], 1.0]]), ("epsilon_cutoff", 0.01), ("use_mtp", True),
        ("watermarking_config", {}), ("prompt_lookup_num_tokens", 3), ("max_time", 1.0),
    ],
)  # fmt: skip
def test_what_is_not_done_is_refused_by_name(name, value):
    with pytest.raises(CheckpointError, match=f"ask for {name}=.* is not supported"):
        read_generation({name: value})


def test_neutral_values_and_unknown_names_change_nothing():
    neutral = {
        "num_beam_groups": 1, "diversity_penalty": 0.0, "encoder_repetition_penalty": 1.0,
        "guidance_scale": None, "epsilon_cutoff": 0.0, "no_timestamps_token_id": 7,
        "top_k": None,
    }  # fmt: skip
    assert read_generation(neutral) == GenerationSettings()


def test_values_of_a_wrong_kind_are_named():
    with pytest.raises(CheckpointError, match="say of generation: num_beams must be a whole"):
        read_generation({"num_beams": "4"})
    with pytest.raises(CheckpointError, match=r"eos_token_id\[0\] must be at least 0; it is -1"):
        read_generation({"eos_token_id": -1})


def test_the_decoders_start_may_stand_in_the_config():
    config = {"decoder_start_token_id": 5}
    assert read_generation({}, config).decoder_start_token_id == 5
    assert read_generation({"bos_token_id": 3}, config).decoder_start_token_id is None


def test_tasks():
    config = {
        "task_specific_params": {
            "translation_en_to_fr": {
                "early_stopping": True, "max_length": 300, "num_beams": 4,
                "prefix": "translate English to French: ",
            }
        }
    }  # fmt: skip
    settings = read_generation({"eos_token_id": 1}, config, task="translation_en_to_fr")
    assert (settings.num_beams, settings.max_length, settings.eos_token_id) == (4, 300, (1,))
    assert task_prefix(config, "translation_en_to_fr") == "translate English to French: "
    message = "no settings for the task 'sing'; it has: 'translation_en_to_fr'"
    with pytest.raises(CheckpointError, match=message):
        read_generation({}, config, task="sing")
    with pytest.raises(CheckpointError, match="it has: none"):
        task_prefix({}, "sing")


NAMES = st.sampled_from([field.name for field in dataclasses.fields(GenerationSettings)])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(content=st.dictionaries(NAMES | st.sampled_from(["top_h", "num_beam_groups"]), VALUES))
def test_any_json_gives_settings_or_an_error_of_ours(content):
    try:
        settings = read_generation(content)
    except CheckpointError:
        return  # any other error fails
    assert GenerationSettings.of(settings) == settings
