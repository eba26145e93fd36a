"""Token stores: complete or absent, what is left out, and which side of the split a text is on."""

from __future__ import annotations

import hashlib
import json
import re
import tracemalloc
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import CorpusError
from clearhead.text.corpus import Pair, Skipped
from clearhead.text.tags import tag_name
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
    written = json.loads((tmp_path / "store/store.json").read_text())
    assert written.keys() - store.facts.keys() == {"crc32", "numbers_crc32"}
    assert written.items() >= store.facts.items()


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


def test_a_share_of_the_sources_begins_with_the_register_of_its_target(tmp_path: Path) -> None:
    forms = ("tu dors", "vous dormez", "il dort")
    pairs = [(f"you sleep {i}", f"{forms[i % 3]} {i}.") for i in range(300)]
    corpus = write_pairs(tmp_path / "pairs.tsv", pairs)
    preparation = Preparation(max_tokens=50, register_share=0.5)
    store = build_store(tmp_path / "store", corpus, TOKENIZER, preparation)
    counts = {"tu": 0, "vous": 0}
    for i, pair in enumerate(pairs):
        first, *others = store.source(i).tolist()
        name = tag_name(first)
        if name is not None:
            counts[name] += 1
            assert pair[1].startswith(name)
            assert others == TOKENIZER.encode(pair[0])
    assert texts(store) == [Pair(*pair) for pair in pairs]  # a tag is no text
    assert store.facts["tags"] == counts
    assert all(30 < count < 70 for count in counts.values())
    write_pairs(tmp_path / "pairs.tsv", pairs[::-1])
    other = build_store(tmp_path / "other", corpus, TOKENIZER, preparation)
    assert [other.source(i).tolist() for i in range(300)] == [
        store.source(299 - i).tolist() for i in range(300)
    ]


def test_a_tag_makes_no_source_too_long(tmp_path: Path) -> None:
    corpus = write_pairs(tmp_path / "pairs.tsv", [("a b c", "tu"), ("a b", "tu")])
    longest = len(TOKENIZER.encode("a b c"))
    preparation = Preparation(max_tokens=longest, register_share=1.0)
    store = build_store(tmp_path / "store", corpus, TOKENIZER, preparation)
    assert store.facts["tags"] == {"tu": 1}
    assert store.source_lengths.tolist()[0] == longest
    assert tag_name(int(store.source(1)[0])) == "tu"


def test_what_a_machine_wrote_begins_with_a_tag_of_its_own(tmp_path: Path) -> None:
    pairs = [("a b c", "tu"), ("a b", "tu"), ("a", "il")]
    corpus = write_pairs(tmp_path / "pairs.tsv", pairs)
    longest = len(TOKENIZER.encode("a b c"))
    preparation = Preparation(max_tokens=longest, register_share=1.0, back_translation_tag=True)
    store = build_store(tmp_path / "store", corpus, TOKENIZER, preparation)
    names = [[tag_name(int(token)) for token in store.source(i)[:2]] for i in range(len(store))]
    assert names[0][0] == names[1][0] == "bt"
    assert store.facts["tags"]["bt"] == len(store) == 2  # the first pair has no room for it
    assert store.facts["skipped"] == {f"longer than {longest} tokens": 1}
    assert texts(store) == [Pair(*pair) for pair in pairs[1:]]
    wide = Preparation(max_tokens=20, register_share=1.0, back_translation_tag=True)
    store = build_store(tmp_path / "wide", corpus, TOKENIZER, wide)
    assert [tag_name(int(token)) for token in store.source(0)[:2]] == ["bt", "tu"]
    assert store.facts["tags"] == {"bt": 3, "tu": 2}
    assert TokenStore(tmp_path / "wide").facts["tags"] == {"bt": 3, "tu": 2}


def test_tags_where_no_target_says_you_are_refused(tmp_path: Path, corpus: str) -> None:
    with pytest.raises(CorpusError, match=r"pairs\.tsv gets no register tag.*French targets"):
        build_store(
            tmp_path / "store", corpus, TOKENIZER, Preparation(max_tokens=50, register_share=0.5)
        )
    assert not (tmp_path / "store").exists()
