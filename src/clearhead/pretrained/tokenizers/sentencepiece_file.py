"""Reads the file of a SentencePiece model: its pieces and its normalization table.

It is a protocol buffer, ``sentencepiece_model.proto`` of the SentencePiece library. These of its
fields are read:

    ModelProto      1 pieces (SentencePiece, repeated), 2 trainer_spec, 3 normalizer_spec
    SentencePiece   1 piece (text), 2 score (float), 3 type (1 normal, 3 control, 4 user-defined)
    TrainerSpec     3 model_type (1 unigram, 2 BPE), 40 unk_id
    NormalizerSpec  2 precompiled_charsmap
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...errors import CheckpointError
from ...file_reading import FileProblem, read_bytes
from .settings import MOST_BYTES

UNIGRAM, BPE = 1, 2
NORMAL, CONTROL, USER_DEFINED = 1, 3, 4

_VARINT, _WIDE, _BYTES, _NARROW = 0, 1, 2, 5  # wire types of fields


@dataclass(frozen=True)
class Piece:
    """One entry of a SentencePiece vocabulary.

    Attributes:
        text: of the piece, ``▁`` for a space.
        score: the logarithm of its probability (unigram), or its rank as a negative number (BPE).
        kind: `NORMAL`, `CONTROL`, `USER_DEFINED`, or one of unknown (2), unused (5), byte (6).
    """

    text: str
    score: float = 0.0
    kind: int = NORMAL


@dataclass(frozen=True)
class SentencePieceFile:
    """The content of a SentencePiece model's file.

    Attributes:
        pieces: by their ids.
        model_type: `UNIGRAM` or `BPE`, or another that is not supported.
        unknown_id: the id of the unknown piece.
        normalization: a compiled table of replacements; empty if there is none.
    """

    pieces: tuple[Piece, ...]
    model_type: int = UNIGRAM
    unknown_id: int = 0
    normalization: bytes = b""


def read_sentencepiece(path: Path) -> SentencePieceFile:
    """Read the file of a SentencePiece model.

    Raises:
        CheckpointError: it cannot be read, or is not such a file.
    """
    try:
        return _parsed(read_bytes(path, most=MOST_BYTES))
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read the tokenizer {path}: {error.reason}. Get the tokenizer's files again."
        ) from error


def _parsed(content: bytes) -> SentencePieceFile:
    pieces: list[Piece] = []
    model_type, unknown_id, normalization = UNIGRAM, 0, b""
    for number, value in _fields(content):
        if number == 1 and isinstance(value, bytes):
            pieces.append(_piece(value))
        elif number == 2 and isinstance(value, bytes):
            trainer = dict(_fields(value))
            model_type, unknown_id = _whole(trainer, 3, UNIGRAM), _whole(trainer, 40, 0)
        elif number == 3 and isinstance(value, bytes):
            table = dict(_fields(value)).get(2, b"")
            normalization = table if isinstance(table, bytes) else b""
    if not pieces:
        raise FileProblem("it holds no piece, so it is no SentencePiece model")
    if not 0 <= unknown_id < len(pieces):
        raise FileProblem(f"its unknown piece has the id {unknown_id} of {len(pieces)}")
    return SentencePieceFile(tuple(pieces), model_type, unknown_id, normalization)


def _piece(content: bytes) -> Piece:
    members = dict(_fields(content))
    text, score = members.get(1, b""), members.get(2, bytes(4))
    if not isinstance(text, bytes) or not isinstance(score, bytes) or len(score) != 4:
        raise FileProblem("one of its pieces is of another type, so it is no SentencePiece model")
    try:
        return Piece(text.decode("utf-8"), struct.unpack("<f", score)[0], _whole(members, 3, 1))
    except UnicodeDecodeError as error:
        raise FileProblem("one of its pieces is not UTF-8") from error


def _whole(members: dict[int, int | bytes], number: int, default: int) -> int:
    value = members.get(number, default)
    return value if isinstance(value, int) else default


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Return the number and value of each field of a message; 4- and 8-byte numbers as bytes."""
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = _varint(content, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = _varint(content, at)
        elif kind in (_WIDE, _NARROW):
            length = 8 if kind == _WIDE else 4
        else:
            raise FileProblem("it is no SentencePiece model")
        if length > len(content) - at:
            raise FileProblem("it is no SentencePiece model, or was not copied whole")
        yield key >> 3, content[at : at + length]
        at += length


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """Return a varint, seven bits a byte and lowest first, and the position after it."""
    number = 0
    for i, byte in enumerate(content[at : at + 10]):
        number |= (byte & 127) << (7 * i)
        if byte < 128:
            return number, at + i + 1
    raise FileProblem("it is no SentencePiece model, or was not copied whole")
