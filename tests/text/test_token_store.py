"""Token stores: complete or absent, what is left out, and which side of the split a text is on."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import tracemalloc
import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import CorpusError
from clearhead.text.corpus import Pair, Skipped
from clearhead.text.token_store import (
    Preparation,
    TokenStore,
    build_store,
    corpus_hash,
    split_position,
    store_lengths,
    usable_pairs,
)
from clearhead.text.tokenizer import Tokenizer
from tests.strangers import SPOILT, edits, refusal, spoilt

SENTENCES = [f"the cat number {i} sat on mat {i * 7 % 100}" for i in range(300)]
TOKENIZER = Tokenizer.train(SENTENCES, 320)
PLAIN = Preparation(max_tokens=50)


def write_pairs(path: Path, pairs: list[tuple[str, str]]) -> str:
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs))
    return str(path)


def texts(store: TokenStore) -> list[Pair]:
    decode = TOKENIZER.decode
    return [Pair(decode(store.source(i)), decode(store.target(i))) for i in range(len(store))]


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    return write_pairs(tmp_path / "pairs.tsv", [(s, s.upper()) for s in SENTENCES])


def test_a_store_holds_the_pairs(tmp_path: Path, corpus: str) -> None:
    store = build_store(tmp_path / "store", corpus, TOKENIZER, PLAIN)
    assert texts(store) == [Pair(s, s.upper()) for s in SENTENCES]
    assert [len(store.source(i)) for i in range(300)] == store.source_lengths.tolist()
    assert [len(store.target(i)) for i in range(300)] == store.target_lengths.tolist()
    assert store.facts == {
        "corpus": "pairs.tsv",
        "pairs": 300,
        "tokens": int(store.source_lengths.sum() + store.target_lengths.sum()),
        "skipped": {},
        "dtype": "uint16",
        "sha256": hashlib.sha256(Path(corpus).read_bytes()).hexdigest(),
    }
    assert (tmp_path / "store/tokens.bin").stat().st_size == 2 * store.facts["tokens"]


def test_many_chunks_make_the_same_store(
    tmp_path: Path, corpus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_store(tmp_path / "one", corpus, TOKENIZER, PLAIN)
    monkeypatch.setattr("clearhead.text.token_store._ENCODED_AT_ONCE", 7)
    build_store(tmp_path / "many", corpus, TOKENIZER, PLAIN)
    for name in ("tokens.bin", "offsets.npy", "store.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes()


def test_a_large_vocabulary_needs_wider_numbers(tmp_path: Path, corpus: str) -> None:
    class Large(Tokenizer):
        vocab_size = (1 << 16) + 1

    store = build_store(tmp_path / "store", corpus, Large(TOKENIZER._core), PLAIN)
    assert store.facts["dtype"] == "uint32"
    assert texts(store)[7] == Pair(SENTENCES[7], SENTENCES[7].upper())


def test_a_complete_store_is_opened_and_not_made_again(tmp_path: Path, corpus: str) -> None:
    build_store(tmp_path / "store", corpus, TOKENIZER, PLAIN)
    Path(corpus).unlink()
    assert len(build_store(tmp_path / "store", corpus, TOKENIZER, PLAIN)) == 300


def test_what_a_kill_left_is_made_anew(tmp_path: Path, corpus: str) -> None:
    draft = tmp_path / "store.part"
    draft.mkdir()
    (draft / "tokens.bin").write_bytes(b"half of it")
    (draft / "stray").write_bytes(b"x")
    store = build_store(tmp_path / "store", corpus, TOKENIZER, PLAIN)
    assert len(store) == 300
    assert not draft.exists()
    assert not (tmp_path / "store/stray").exists()


def test_a_failure_leaves_no_store(tmp_path: Path, corpus: str) -> None:
    with Path(corpus).open("a") as file:
        file.write("no tab\n")
    with pytest.raises(CorpusError, match="line 301"):
        build_store(tmp_path / "store", corpus, TOKENIZER, PLAIN)
    assert not (tmp_path / "store").exists()
    with pytest.raises(FileNotFoundError):
        TokenStore(tmp_path / "store")


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    long = "a " * 60
    rows = [("the cat", "le chat"), (" \u00a0 ", "x"), ("x", ""), (long, "a"), ("a", long)]
    corpus = write_pairs(tmp_path / "pairs.tsv", rows)
    with Path(corpus).open("ab") as file:
        file.write(b"no tab\ncaf\xe9\tx\n")
    lenient = Preparation(max_tokens=50, skip_bad_lines=True)
    store = build_store(tmp_path / "store", corpus, TOKENIZER, lenient)
    assert texts(store) == [Pair("the cat", "le chat")]
    assert store.facts["skipped"] == {
        "with an empty side": 2,
        "longer than 50 tokens": 2,
        "no tab": 1,
        "not UTF-8": 1,
    }
    assert json.loads((tmp_path / "store/store.json").read_text()) == store.facts


def test_a_side_of_exactly_the_limit_stays(tmp_path: Path) -> None:
    longest = "the " * 49 + "the"
    assert len(TOKENIZER.encode(longest)) == 50
    corpus = write_pairs(tmp_path / "pairs.tsv", [(longest, "a"), (longest + " the", "a")])
    store = build_store(tmp_path / "store", corpus, TOKENIZER, PLAIN)
    assert store.source_lengths.tolist() == [50]


@pytest.mark.parametrize("rows", [[], [("", "x")], [("a " * 99, "x")]])
def test_a_corpus_without_a_usable_pair_is_an_error(
    tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    corpus = write_pairs(tmp_path / "pairs.tsv", rows)
    with pytest.raises(CorpusError, match=r"pairs\.tsv holds no usable pair \(\w+ line"):
        build_store(tmp_path / "store", corpus, TOKENIZER, PLAIN)
    assert not (tmp_path / "store").exists()


@given(st.text(alphabet=st.one_of(st.sampled_from(" \t\n\r\u00a0\u2028\x1c\x85"), st.characters())))
def test_spaces_are_made_plain_as_the_definition_says(text: str) -> None:
    expected = re.sub(r"[^\S\n]+", " ", text).strip()
    assert PLAIN.clean(Pair(text, text)) == Pair(expected, expected)
    untouched = Preparation(max_tokens=5, normalize_spaces=False)
    assert untouched.clean(Pair(text, "")) == Pair(text, "")


@given(st.text())
def test_the_split_is_by_letters_and_digits_without_case(text: str) -> None:
    folded = unicodedata.normalize("NFKC", text).casefold()
    letters = "".join(filter(str.isalnum, folded)).encode("utf-8", "surrogatepass")
    number = int.from_bytes(hashlib.blake2b(letters, digest_size=8).digest(), "big")
    assert split_position(text) == number / 2**64
    assert 0.0 <= split_position(text) < 1.0
    assert split_position(f"« {text} »... ") == split_position(text)


def test_versions_of_one_sentence_fall_together() -> None:
    versions = [
        "Where's the café?",
        "wheres  the CAFÉ",
        "Where's the cafe\u0301!",
        "WHERES the café",
    ]
    assert len(set(map(split_position, versions))) == 1
    assert split_position("Where is the café?") != split_position(versions[0])


def test_the_share_is_about_what_was_asked_for() -> None:
    held_out = [split_position(f"sentence {i}") < 0.1 for i in range(5000)]
    assert abs(sum(held_out) - 500) < 5 * np.sqrt(5000 * 0.1 * 0.9)
    assert not Preparation(max_tokens=5).held_out("anything")


def test_one_sentence_is_on_one_side_in_every_corpus(tmp_path: Path) -> None:
    half = Preparation(max_tokens=50, held_out_share=0.5)
    first = write_pairs(tmp_path / "a.tsv", [(s, "x") for s in SENTENCES for _ in range(2)])
    second = write_pairs(tmp_path / "b.tsv", [(f"{s.upper()}!", "y") for s in SENTENCES])
    sides = {}
    for corpus in (first, second):
        training_sources = [p.source for p in usable_pairs(corpus, half, Skipped())]
        held_out = [p.source for p in usable_pairs(corpus, half, Skipped(), held_out=True)]
        sides[corpus] = (
            {split_position(s) for s in training_sources},
            {split_position(s) for s in held_out},
        )
        assert len(training_sources) + len(held_out) == (600 if corpus == first else 300)
        assert 90 < len(sides[corpus][1]) < 210
    assert sides[first] == sides[second]
    assert not sides[first][0] & sides[first][1]
    store = build_store(tmp_path / "store", first, TOKENIZER, half)
    assert {split_position(pair.source) for pair in texts(store)} == sides[first][0]


def test_the_hash_covers_all_files(tmp_path: Path) -> None:
    (tmp_path / "en").write_text("a\n")
    (tmp_path / "fr").write_text("b\n")
    both = corpus_hash(f"{tmp_path / 'en'},{tmp_path / 'fr'}")
    assert both == hashlib.sha256(b"a\nb\n").hexdigest()
    assert corpus_hash("hub:books") == hashlib.sha256(b"hub:books").hexdigest()


def test_lengths_of_several_stores(tmp_path: Path, corpus: str) -> None:
    one = build_store(tmp_path / "0", corpus, TOKENIZER, PLAIN)
    two = build_store(tmp_path / "1", corpus, TOKENIZER, PLAIN)
    source, target = store_lengths([one, two])
    assert source.tolist() == one.source_lengths.tolist() * 2
    assert target.tolist() == two.target_lengths.tolist() * 2


def test_memory_of_building_is_lengths_alone(tmp_path: Path) -> None:
    """Beyond a constant, a store needs some bytes a pair (its offsets), not its text."""
    peaks = []
    for count in (5_000, 20_000):
        rows = [(f"cat {i % 50} sat", f"mat {i % 50} sat") for i in range(count)]
        corpus = write_pairs(tmp_path / f"{count}.tsv", rows)
        del rows
        tracemalloc.start()
        build_store(tmp_path / f"{count}", corpus, TOKENIZER, PLAIN)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 15_000 < 160


@pytest.fixture
def store(tmp_path: Path, corpus: str) -> Path:
    return build_store(tmp_path / "store", corpus, TOKENIZER, PLAIN).folder


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
    assert len(build_store(store, "no corpus", TOKENIZER, PLAIN)) == 300
