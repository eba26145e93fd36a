"""config.json and generation_config.json: what is read, and what is refused with a sentence."""

from __future__ import annotations

import dataclasses
import json

import pytest

from clearhead.errors import CheckpointError
from clearhead.pretrained import families
from clearhead.pretrained.config_file import read_config, read_generation, read_settings
from tests.pretrained import small_family
from tests.strangers import SPOILT, spoilt


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    small_family.use(monkeypatch)


def read(folder, **changes):
    small_family.write(folder, **changes)
    settings = read_settings(folder)
    return read_config(folder, settings)


def test_the_family_makes_the_config(tmp_path):
    family, config = read(tmp_path, dtype="bfloat16")
    assert family is small_family.SMALL
    assert (config.vocab_size, config.d_model, config.decoder_layers) == (20, 8, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "big"}, "'big' are not read here. These families are"),
        ({"model_type": "big", "auto_map": {"AutoModel": "x.Y"}}, "Python code of their own"),
        ({"model_type": None}, 'there is no "model_type"'),
        ({"model_type": 3}, "is a whole number, not a text"),
        ({"quantization_config": {"quant_method": "gptq"}}, "quantized ('gptq')"),
        ({"quantization_config": {}}, "quantized ('some method')"),
        ({"width": "8"}, "'width' of the file is a text, not a whole number"),
        ({"width": 9}, "d_model must be a multiple of num_heads"),
        ({"layers": 0}, "A model needs layers"),
    ],
)
def test_what_is_not_read_is_named_with_the_file(tmp_path, changes, words):
    with pytest.raises(CheckpointError) as error_info:
        read(tmp_path, **changes)
    message = str(error_info.value)
    assert message.startswith(f"{tmp_path / 'config.json'}: ")
    assert words in message
    assert message.endswith(".")


def test_numbers_that_cannot_be_computed_with_are_refused(tmp_path, monkeypatch):
    def divide(fields):
        return fields.number("width") / fields.number("layers")

    family = dataclasses.replace(small_family.SMALL, read_config=divide)
    monkeypatch.setattr(families, "families", lambda: (family,))
    with pytest.raises(CheckpointError, match="its numbers make no model"):
        read(tmp_path, layers=0)


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_config_is_refused(tmp_path, how):
    small_family.write(tmp_path)
    with spoilt(tmp_path / "config.json", how), pytest.raises(CheckpointError) as error_info:
        read_settings(tmp_path)
    assert str(error_info.value).startswith(f"Cannot read {tmp_path / 'config.json'}: ")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing.txt", "as save_pretrained of transformers writes them"),
        ("params.json", "convert_llama_weights_to_hf.py"),
        ("adapter_config.json", "merge_and_unload"),
        ("model.Q4_K_M.gguf", "GGUF file, which is not read here"),
    ],
)
def test_a_folder_without_config_says_what_it_may_be(tmp_path, name, words):
    (tmp_path / name).write_text("{}")
    with pytest.raises(CheckpointError, match=r"has no config\.json|holds a GGUF") as error_info:
        read_settings(tmp_path)
    assert words in str(error_info.value)


def test_generation_is_its_file_or_what_the_config_says_of_it(tmp_path):
    settings = small_family.config(max_length=7, num_beams=4, bad_words_ids=[[3]])
    assert read_generation(tmp_path, settings) == {
        "max_length": 7,
        "num_beams": 4,
        "bad_words_ids": [[3]],
    }
    (tmp_path / "generation_config.json").write_text(json.dumps({"num_beams": 2}))
    assert read_generation(tmp_path, settings) == {"num_beams": 2}


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 1', '{"a": NaN}'])
def test_a_damaged_generation_file_is_not_passed_over(tmp_path, content):
    (tmp_path / "generation_config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"generation_config\.json"):
        read_generation(tmp_path, {})


def test_a_link_to_no_file_is_not_passed_over(tmp_path):
    (tmp_path / "generation_config.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="there is no such file"):
        read_generation(tmp_path, {})
