"""Tokenizers made of SentencePiece models, held against the SentencePiece library itself."""

from __future__ import annotations

import pytest
import sentencepiece

from clearhead.errors import CheckpointError
from clearhead.pretrained.tokenizers.reading import read_tokenizer
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
