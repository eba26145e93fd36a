"""Tokenizers made of SentencePiece models, held against the SentencePiece library itself."""

from __future__ import annotations

import json

import pytest
import sentencepiece

from clearhead.errors import CheckpointError
from clearhead.pretrained.tokenizers.reading import read_tokenizer
from clearhead.pretrained.tokenizers.sentencepiece_building import llama_core
from clearhead.pretrained.tokenizers.settings import TokenizerSettings
from tests.pretrained.tokenizers import folders
from tests.pretrained.tokenizers.folders import CONFIG, lines, sentencepiece_model

FILES = {"T5": ("spiece.model", 0), "XLM-R": ("sentencepiece.bpe.model", 1)}


@pytest.mark.parametrize("name", FILES)
def test_pieces_are_those_of_the_library(tmp_path, name):
    config = folders.write(tmp_path, name)
    tokenizer = read_tokenizer(tmp_path, config, CONFIG)[0]
    file, offset = FILES[name]
    model = sentencepiece.SentencePieceProcessor(model_file=str(tmp_path / file))
    for text in (*lines()[:50], "１２３ ｃａｆé", "fox  dog"):
        assert tokenizer.encode_plain(text) == [i + offset for i in model.encode(text)]
        assert tokenizer.decode(tokenizer.encode(text)) == model.decode(model.encode(text))


def test_sentinels_stand_behind_the_pieces_from_the_last_to_the_first(tmp_path):
    config = folders.write(tmp_path, "T5")
    tokenizer = read_tokenizer(tmp_path, config, CONFIG)[0]
    assert tokenizer.id_of("<extra_id_0>") == tokenizer.vocab_size - 1
    assert tokenizer.id_of("<extra_id_99>") == tokenizer.vocab_size - 100
    assert tokenizer.encode_plain("<extra_id_7>") == [tokenizer.id_of("<extra_id_7>")]


def test_a_model_of_another_kind_is_refused(tmp_path):
    config = folders.write(tmp_path, "T5")
    (tmp_path / "spiece.model").write_bytes(sentencepiece_model(model_type="bpe"))
    with pytest.raises(CheckpointError, match="is a model of byte pairs"):
        read_tokenizer(tmp_path, config, CONFIG)
    config = folders.write(tmp_path / "llama", "Llama")
    (tmp_path / "llama" / "tokenizer.model").write_bytes(sentencepiece_model())
    with pytest.raises(CheckpointError, match="is no model of byte pairs"):
        read_tokenizer(tmp_path / "llama", config, CONFIG)


def test_characters_without_a_piece_become_bytes_for_llama(tmp_path):
    config = folders.write(tmp_path, "Llama")
    tokenizer = read_tokenizer(tmp_path, config, CONFIG)[0]
    assert tokenizer.pieces(tokenizer.encode_plain("🙂"))[-4:] == [
        "<0xF0>", "<0x9F>", "<0x99>", "<0x82>",
    ]  # fmt: skip
    assert tokenizer.decode(tokenizer.encode("the 🙂")) == "the 🙂"


@pytest.mark.parametrize("legacy", [True, False, None])
@pytest.mark.parametrize("model_type", ["llama", "mistral"])
def test_an_old_file_of_llama_puts_spaces_as_transformers_does(tmp_path, legacy, model_type):
    transformers = pytest.importorskip("transformers")
    core = json.loads(tokenizer_json(tmp_path / "built"))
    core["pre_tokenizer"] = None
    prepend = {"type": "Prepend", "prepend": "▁"}
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    core["normalizer"] = {"type": "Sequence", "normalizers": [prepend, replace]}
    (tmp_path / "tokenizer.json").write_text(json.dumps(core))
    values = {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "legacy": legacy}
    values = {name: value for name, value in values.items() if value is not None}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(values))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    ours = read_tokenizer(tmp_path, {"model_type": model_type}, CONFIG)[0]
    for text in ("the fox", "  fox", "the fox</s>the dog", "</s> dog", ""):
        assert ours.encode_plain(text) == theirs(text, add_special_tokens=False)["input_ids"]


def tokenizer_json(folder):
    """The tokenizer of the library that is built of Llama's SentencePiece model."""
    folders.write(folder, "Llama")
    settings = TokenizerSettings(tokens={"start": "<s>", "end": "</s>", "unknown": "<unk>"})
    return llama_core(folder, settings).to_str()
