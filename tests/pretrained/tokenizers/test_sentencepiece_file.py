"""The file of a SentencePiece model says what the library says of it."""

from __future__ import annotations

import pytest
import sentencepiece
from hypothesis import given, settings
from hypothesis import strategies as st

from clearhead.errors import CheckpointError
from clearhead.pretrained.tokenizers.sentencepiece_file import (
    BPE,
    CONTROL,
    UNIGRAM,
    USER_DEFINED,
    read_sentencepiece,
)
from tests.pretrained.tokenizers.folders import sentencepiece_model
from tests.strangers import SPOILT, spoilt


@pytest.mark.parametrize(
    ("options", "model_type"),
    [
        ({}, UNIGRAM),
        ({"pad_id": 0, "eos_id": 1, "unk_id": 2, "bos_id": -1}, UNIGRAM),
        ({"model_type": "bpe", "byte_fallback": True, "vocab_size": 350}, BPE),
        ({"user_defined_symbols": "<tool>,<x>"}, UNIGRAM),
    ],
)
def test_pieces_are_those_of_the_library(tmp_path, options, model_type):
    content = sentencepiece_model(**options)
    (tmp_path / "file").write_bytes(content)
    file = read_sentencepiece(tmp_path / "file")
    model = sentencepiece.SentencePieceProcessor(model_proto=content)
    assert file.model_type == model_type
    assert file.unknown_id == model.unk_id()
    assert len(file.pieces) == model.get_piece_size()
    for i, piece in enumerate(file.pieces):
        assert piece.text == model.id_to_piece(i)
        assert piece.score == pytest.approx(model.get_score(i))
        assert (piece.kind == CONTROL) == model.is_control(i)
        assert (piece.kind == USER_DEFINED) == (piece.text in ("<tool>", "<x>"))
    assert len(file.normalization) > 1000  # the table of nmt_nfkc, which is the default


def test_a_model_may_have_no_normalization(tmp_path):
    (tmp_path / "file").write_bytes(sentencepiece_model(normalization_rule_name="identity"))
    assert read_sentencepiece(tmp_path / "file").normalization == b""


@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_file_is_refused(tmp_path, how):
    path = tmp_path / "file"
    path.write_bytes(sentencepiece_model())
    with spoilt(path, how), pytest.raises(CheckpointError, match=f"tokenizer {path}: "):
        read_sentencepiece(path)


@settings(max_examples=100)
@given(content=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "file"
    path.write_bytes(content)
    try:
        pieces = read_sentencepiece(path).pieces
    except CheckpointError:
        pieces = ("none",)
    assert pieces


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x0a\x05\x0a\x03a", "was not copied whole"),
        (b"\x0b", "it is no SentencePiece model"),
        (b"\x80" * 11, "was not copied whole"),
        (b"\x0a\x03\x0a\x01\xff", "is not UTF-8"),
        (b"\x0a\x02\x08\x01", "is of another type"),
        (b"\x0a\x03\x0a\x01a\x12\x03\xc0\x02\x05", "has the id 5 of 1"),
        (b"\x12\x00", "holds no piece"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, content, words):
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        read_sentencepiece(tmp_path / "file")
