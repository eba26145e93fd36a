"""Vocabulary files: how their lines are read, and what they lack."""

from __future__ import annotations

import pytest

from clearhead.errors import CheckpointError
from clearhead.pretrained.tokenizers.building import KINDS, RECIPES, build, read_vocabulary
from clearhead.pretrained.tokenizers.reading import read_tokenizer
from clearhead.pretrained.tokenizers.settings import TokenizerSettings
from tests.pretrained.tokenizers import folders
from tests.pretrained.tokenizers.folders import CONFIG


def test_a_kind_without_its_files_is_none(tmp_path):
    assert build(tmp_path, "GPT2Tokenizer", TokenizerSettings()) is None
    assert build(tmp_path, "NoTokenizer", TokenizerSettings()) is None
    (tmp_path / "vocab.json").write_text("{}")
    assert build(tmp_path, "GPT2Tokenizer", TokenizerSettings()) is None


def test_every_model_type_has_a_recipe_or_a_reader_of_its_own():
    assert set(KINDS.values()) - set(RECIPES) == {"MarianTokenizer", "M2M100Tokenizer"}


def test_a_class_of_no_recipe_is_that_of_the_model_type(tmp_path):
    config = folders.write(tmp_path, "GPT-2")
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizer"}')
    assert read_tokenizer(tmp_path, config, CONFIG)[0] is not None
    config = {"model_type": "other", "tokenizer_class": "GPT2TokenizerFast"}
    assert read_tokenizer(tmp_path, config, CONFIG)[0] is not None
    assert read_tokenizer(tmp_path, {"model_type": "other"}, CONFIG)[0] is None


def test_a_hash_at_the_beginning_of_a_merge_is_no_comment(tmp_path):
    config = folders.write(tmp_path, "GPT-2")
    merges = (tmp_path / "merges.txt").read_text().split("\n")
    assert any(line.startswith("# ") for line in merges)
    tokenizer = read_tokenizer(tmp_path, config, CONFIG)[0]
    assert tokenizer.pieces(tokenizer.encode("##")) == ["##"]


def test_a_merge_of_unknown_pieces_is_refused(tmp_path):
    config = folders.write(tmp_path, "GPT-2")
    with open(tmp_path / "merges.txt", "a") as file:
        file.write("zz qq\n")
    with pytest.raises(CheckpointError, match="says the tokenizers library"):
        read_tokenizer(tmp_path, config, CONFIG)


def test_word_pieces_need_their_unknown_token(tmp_path):
    config = folders.write(tmp_path, "BERT")
    (tmp_path / "vocab.txt").write_text("[PAD]\n[CLS]\n[SEP]\nthe\n")
    with pytest.raises(CheckpointError, match=r"vocab\.txt: it lacks '\[UNK\]'"):
        read_tokenizer(tmp_path, config, CONFIG)


@pytest.mark.parametrize("content", ["[]", '{"a": -1}', '{"a": "1"}', '{"a": 1.5}', '{"a": 1'])
def test_a_vocabulary_is_an_object_of_ids(tmp_path, content):
    (tmp_path / "vocab.json").write_text(content)
    with pytest.raises(CheckpointError, match=f"Cannot read .*{tmp_path / 'vocab.json'}"):
        read_vocabulary(tmp_path / "vocab.json")
