"""The files of a token store may be a stranger's: what they say is checked before it is used."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clearhead.errors import CorpusError
from clearhead.file_reading import FileProblem
from clearhead.text.store_files import (
    check_ids,
    checked_lengths,
    map_tokens,
    read_facts,
    read_offsets,
)
from clearhead.text.token_store import Preparation, TokenStore, build_store
from clearhead.text.tokenizer import Tokenizer
from tests.strangers import SPOILT, edits, refusal, spoilt

SENTENCES = [f"the cat number {i} sat on mat {i * 7 % 100}" for i in range(300)]
TOKENIZER = Tokenizer.train(SENTENCES, 320)
PLAIN = Preparation(max_tokens=50)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    corpus = tmp_path / "pairs.tsv"
    corpus.write_text("".join(f"{text}\t{text.upper()}\n" for text in SENTENCES))
    return build_store(tmp_path / "store", str(corpus), TOKENIZER, PLAIN).folder


def test_sound_files_hold_what_was_written(store: Path) -> None:
    facts = read_facts(store)
    assert (facts.dtype, facts.pairs) == (np.dtype("<u2"), 300)
    tokens, offsets = map_tokens(store, facts), read_offsets(store, facts)
    ids = [TOKENIZER.encode(side) for text in SENTENCES for side in (text, text.upper())]
    assert tokens.tolist() == [token for side in ids for token in side]
    assert checked_lengths(offsets, facts, None).tolist() == list(map(len, ids))
    check_ids(tokens, int(tokens.max()) + 1)
    with pytest.raises(FileProblem, match=f"token id {tokens.max()}, and its tokenizer has"):
        check_ids(tokens, int(tokens.max()))


def damaged(folder: Path) -> str:
    """The message about a store that is opened as a training opens it."""
    message = refusal(CorpusError, lambda: build_store(folder, "no corpus", TOKENIZER, PLAIN))
    assert message is not None
    assert message.startswith(f"The token store {folder} is damaged: ")
    assert message.endswith("Remove that folder, and the next start makes it anew.")
    return message


@pytest.mark.parametrize("name", ["store.json", "offsets.npy", "tokens.bin"])
@pytest.mark.parametrize("how", [*SPOILT, "pipe"])
def test_a_spoilt_file_is_refused(store: Path, name: str, how: str) -> None:
    with spoilt(store / name, how):
        damaged(store)


@pytest.mark.parametrize("name", ["offsets.npy", "tokens.bin"])
def test_a_missing_file_of_a_store(store: Path, name: str) -> None:
    (store / name).unlink()
    assert "there is no such file" in damaged(store)


def test_no_store_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error_info:
        TokenStore(tmp_path / "absent")
    assert error_info.value.filename == str(tmp_path / "absent/store.json")


@pytest.mark.parametrize(
    "dtype",
    ["O", "object", "|O8", "float32", "uint8", "int16", "uint64", "U1", "V2", "u2,u2", "\x1b", ""],
)
def test_a_store_chooses_no_type(store: Path, dtype: str) -> None:
    facts = json.loads((store / "store.json").read_text())
    (store / "store.json").write_text(json.dumps(facts | {"dtype": dtype}))
    assert "and token ids are uint16 or uint32" in damaged(store)


def test_every_member_of_the_facts_replaced_by_values_of_every_type(store: Path) -> None:
    path = store / "store.json"
    facts = json.loads(path.read_text()) | {"skipped": {"no tab": 1}}
    refusals = 0
    for _, changed in edits(facts):
        path.write_text(json.dumps(changed))
        message = refusal(CorpusError, lambda: len(TokenStore(store)))
        refusals += message is not None
    assert refusals > 50


def with_offsets(store: Path, change: Callable[[np.ndarray], np.ndarray]) -> Path:
    np.save(store / "offsets.npy", change(np.load(store / "offsets.npy")))
    return store


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x: x + 1, "does not divide its tokens"),
        (lambda x: x[::-1].copy(), "does not divide its tokens"),
        (lambda x: np.where(np.arange(len(x)) == 5, -1, x), "does not divide its tokens"),
        (lambda x: np.where(np.arange(len(x)) == 5, 1 << 60, x), "does not divide its tokens"),
        (lambda x: np.where(np.arange(len(x)) < 5, 0, x[-1]), "and 50 are the most"),
        (lambda x: x[:-2], "does not hold the 601 offsets"),
        (lambda x: x.reshape(1, -1), "does not hold the 601 offsets"),
        (lambda x: x.astype(np.int32), "does not hold the 601 offsets"),
        (lambda x: x.astype(np.float64), "does not hold the 601 offsets"),
        (lambda x: x.astype(">i8"), "does not hold the 601 offsets"),
        (lambda x: x.astype(object), "does not hold the 601 offsets"),
    ],
)
def test_offsets_are_in_order_and_within(
    store: Path, change: Callable[[np.ndarray], np.ndarray], words: str
) -> None:
    assert words in damaged(with_offsets(store, change))


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<i8', 'fortran_order': False, 'shape': (10**9,), }",
        b"{'descr': '|O', 'fortran_order': False, 'shape': (601,), }",
        b"{'descr': '<i8', 'fortran_order': False, 'shape': 601, }",
        b"{'descr': ['<i8', 3], 'fortran_order': 7, 'shape': (601,), }",
        b"__import__('os').abort()",
        b"(" * 4000,
        b"{" * 4000,
        b"[" * 4000 + b"]" * 4000,
        b"-" * 9000 + b"1",
        b"\x00\xff",
        b"",
    ],
)
def test_headers_of_numpy_that_are_none(store: Path, header: bytes) -> None:
    numbers = (store / "offsets.npy").read_bytes()[128:]
    for length in (len(header), 9, 60_000):
        content = b"\x93NUMPY\x01\x00" + length.to_bytes(2, "little") + header + numbers
        (store / "offsets.npy").write_bytes(content)
        damaged(store)


def test_an_archive_or_a_pickle_in_the_place_of_offsets(store: Path) -> None:
    with (store / "offsets.npy").open("wb") as file:
        np.savez(file, np.arange(601))
    assert "does not hold the 601 offsets" in damaged(store)
    (store / "offsets.npy").write_bytes(pickle.dumps(np.arange(601)))
    assert "does not hold the 601 offsets" in damaged(store)


def test_tokens_of_another_length(store: Path) -> None:
    with (store / "tokens.bin").open("ab") as file:
        file.write(b"\x03\x00")
    assert "ids of uint16 have" in damaged(store)


def test_ids_that_the_tokenizer_does_not_have(store: Path) -> None:
    content = bytearray((store / "tokens.bin").read_bytes())
    content[100:102] = TOKENIZER.vocab_size.to_bytes(2, "little")
    (store / "tokens.bin").write_bytes(content)
    assert f"holds the token id {TOKENIZER.vocab_size}, and its tokenizer has" in damaged(store)
    content[100:102] = (TOKENIZER.vocab_size - 1).to_bytes(2, "little")
    (store / "tokens.bin").write_bytes(content)
    assert "tokens.bin is not what was written: its checksum is another one" in damaged(store)
    without_checksums(store)
    assert len(build_store(store, "no corpus", TOKENIZER, PLAIN)) == 300


def without_checksums(store: Path) -> None:
    """Make a store as an older version wrote it."""
    facts = json.loads((store / "store.json").read_text())
    del facts["crc32"], facts["numbers_crc32"]
    (store / "store.json").write_text(json.dumps(facts))


def test_other_offsets_and_facts_are_told_by_their_checksums(store: Path) -> None:
    content = bytearray((store / "offsets.npy").read_bytes())
    content[136] -= 1  # the end of the first text, a token earlier
    (store / "offsets.npy").write_bytes(content)
    assert "offsets.npy is not what was written" in damaged(store)
    without_checksums(store)
    assert len(build_store(store, "no corpus", TOKENIZER, PLAIN)) == 300


def test_facts_that_are_others_are_told_by_their_checksum(store: Path) -> None:
    path = store / "store.json"
    path.write_text(path.read_text().replace('"pairs.tsv"', '"pairs.tsw"'))
    assert "the checksum (crc32) is another one" in damaged(store)


@pytest.mark.parametrize("tags", [{"sie": 1}, {"tu": -1}, {"tu": "1"}, ["tu"]])
def test_counts_of_tags_that_are_none(store: Path, tags: Any) -> None:
    path = store / "store.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "tags": tags}))
    assert "tags" in damaged(store) or "tu" in damaged(store)
