"""What tokenizer_config.json and its companions say, in all the forms that they have."""

from __future__ import annotations

import json

import pytest
from tokenizers import AddedToken

from clearhead.errors import CheckpointError
from clearhead.pretrained.tokenizers.settings import (
    TokenizerSettings,
    read_object,
    read_tokenizer_settings,
)


def read(folder, own=None, special=None):
    for name, content in (("tokenizer_config", own), ("special_tokens_map", special)):
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content))
    return read_tokenizer_settings(folder)


def test_no_files_say_nothing(tmp_path):
    assert read(tmp_path) == TokenizerSettings()


def test_tokens_are_texts_or_objects_and_one_file_comes_before_the_other(tmp_path):
    mask = {"content": "<mask>", "lstrip": True, "__type": "AddedToken"}
    settings = read(
        tmp_path,
        {"tokenizer_class": "BartTokenizerFast", "pad_token": "<pad>", "mask_token": mask},
        {"pad_token": "<old>", "eos_token": "</s>", "unk_token": None},
    )
    assert settings.kind == "BartTokenizer"
    assert settings.tokens == {"padding": "<pad>", "end": "</s>", "mask": "<mask>"}
    assert settings.exact["<mask>"].lstrip
    assert settings.exact["<mask>"].special


def test_other_tokens_are_a_list_or_an_object(tmp_path):
    settings = read(
        tmp_path,
        {"extra_special_tokens": {"image": "<image>", "b": "<b>"}},
        {"additional_special_tokens": ["<a>", {"content": "<b>"}]},
    )
    assert settings.others == ("<a>", "<b>", "<image>")


def test_additions_have_their_ids_and_flags(tmp_path):
    token = {"content": "<x>", "special": True, "normalized": False, "rstrip": True}
    settings = read(tmp_path, {"added_tokens_decoder": {"7": token}})
    assert {i: repr(token) for i, token in settings.additions.items()} == {
        7: repr(AddedToken("<x>", rstrip=True, normalized=False, special=True))
    }


def test_flags_and_texts_have_a_default(tmp_path):
    settings = read(tmp_path, {"a": True, "b": "x", "c": None})
    assert [settings.flag(name, False) for name in "abcd"] == [True, False, False, False]
    assert [settings.text(name, "y") for name in "abcd"] == ["y", "x", "y", "y"]


@pytest.mark.parametrize(
    "own",
    [
        [],
        {"pad_token": 3},
        {"pad_token": {"text": "x"}},
        {"mask_token": {"content": "x", "lstrip": "yes"}},
        {"additional_special_tokens": "x"},
        {"added_tokens_decoder": []},
        {"added_tokens_decoder": {"x": {"content": "x"}}},
        {"added_tokens_decoder": {"-1": {"content": "x"}}},
        {"added_tokens_decoder": {"٣": {"content": "x"}}},
        {"added_tokens_decoder": {"1": "x"}},
    ],
)
def test_what_is_none_of_these_is_refused(tmp_path, own):
    with pytest.raises(CheckpointError, match=r"tokenizer_config\.json: .*Get the tokenizer's"):
        read(tmp_path, own)


def test_a_file_that_is_missing_or_damaged_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="there is no such file"):
        read_object(tmp_path / "vocab.json")
    (tmp_path / "tokenizer_config.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="there is no such file"):
        read(tmp_path)
