"""The tokenizer gives back every text, and refuses what is no text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError, TextError
from clearhead.text.tags import TAGS, tag_id
from clearhead.text.tokenizer import FIRST_LEARNT, SPACE, Tokenizer

SENTENCE = "the cat sat on a mat while l'homme aime qu'il mange été 12 345 no. yes, (maybe) ¿qué?"
WORDS = SENTENCE.split()
TEXTS = [" ".join(WORDS[i:] + WORDS[:i]) for i in range(len(WORDS))] * 4
TOKENIZER = Tokenizer.train(TEXTS, 400)


def alone(text: str) -> list[int]:
    """Ids by the tokenizers library itself, the whole text at once."""
    core = tokenizers.Tokenizer.from_str(TOKENIZER.to_json())
    return core.encode(" " + text, add_special_tokens=False).ids


@given(st.text())
def test_decoding_gives_the_text_back(text: str) -> None:
    assert TOKENIZER.decode(TOKENIZER.encode(text)) == text


@given(st.text(alphabet=f" {SPACE}a<>0x/s\u0301\n’'é"))
def test_marks_spaces_and_pieces_of_special_tokens_come_back(text: str) -> None:
    ids = TOKENIZER.encode(text)
    assert TOKENIZER.decode(ids) == text
    assert not set(ids) & {TOKENIZER.pad_id, TOKENIZER.start_id, TOKENIZER.end_id}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "  two  spaces  ",
        SPACE,
        f"{SPACE}cat",
        f" {SPACE} the{SPACE}cat ",
        "<pad> <s>the cat</s>",
        "<0x41>",
        "<0xE2><0x96><0x81>",
        "👩‍👩‍👧‍👦 🇫🇷",
        "\x00\x01\x1f\x7f\x85\u2028",
        "a\r\nb\tc\u00a0d\ufeff",
        "\U0010ffff\ufffd\ufffe",
        "e\u0301 vs é",
        "the" * 1000,
    ],
)
def test_awkward_texts_come_back(text: str) -> None:
    ids = TOKENIZER.encode(text)
    assert TOKENIZER.decode(ids) == text
    assert min(ids, default=3) > TOKENIZER.end_id


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters=SPACE)))
def test_words_one_by_one_are_the_whole_text_at_once(text: str) -> None:
    assert TOKENIZER.encode(text) == (alone(text) if text else [])


@given(st.lists(st.text(max_size=12), max_size=6))
def test_a_batch_is_its_texts(texts: list[str]) -> None:
    assert TOKENIZER.encode_batch(texts) == [TOKENIZER.encode(text) for text in texts]


def test_forgetting_words_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = TOKENIZER.encode_batch(TEXTS)
    monkeypatch.setattr("clearhead.text.tokenizer._REMEMBERED_IDS", 5)
    forgetful = Tokenizer(tokenizers.Tokenizer.from_str(TOKENIZER.to_json()))
    assert [forgetful.encode(text) for text in TEXTS] == expected
    assert forgetful._remembered_ids <= 5 + max(map(len, expected))


def test_the_result_is_the_callers_own() -> None:
    TOKENIZER.encode("cat").append(7)
    assert TOKENIZER.encode("cat") == alone("cat")


@pytest.mark.parametrize("text", ["a\ud800b", f"a\udfff{SPACE}", "the cat\udc80"])
def test_a_lone_surrogate_is_refused(text: str) -> None:
    with pytest.raises(TextError, match=r"lone surrogate \(U\+D[89CF]\w\w\) at character [17]\b"):
        TOKENIZER.encode(text)
    with pytest.raises(TextError, match="right encoding"):
        TOKENIZER.encode_batch(["the cat", text])


def test_training_drops_surrogates_and_marks() -> None:
    tokenizer = Tokenizer.train([f"a\ud800b {SPACE}{SPACE}c"] * 5, 300)
    assert tokenizer.pieces(tokenizer.encode("ab c")) == [f"{SPACE}ab", f"{SPACE}", "c"] or (
        tokenizer.pieces(tokenizer.encode("ab c")) == [f"{SPACE}ab", f"{SPACE}c"]
    )
    assert not any("\ud800" in piece for piece in tokenizer.pieces(range(tokenizer.vocab_size)))


def test_ids_and_pieces() -> None:
    assert TOKENIZER.pieces(range(3)) == ["<pad>", "<s>", "</s>"]
    assert TOKENIZER.pieces([3, 255, 256]) == ["<0x00>", "<0xFC>", "<bt>"]
    pieces = TOKENIZER.pieces(TOKENIZER.encode("the cat"))
    assert pieces == [f"{SPACE}the", f"{SPACE}cat"]
    assert TOKENIZER.pieces(TOKENIZER.encode("😀"))[-4:] == ["<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]


def test_digits_stand_alone_and_elisions_keep_their_apostrophe() -> None:
    assert TOKENIZER.pieces(TOKENIZER.encode("12")) == [f"{SPACE}1", "2"]
    pieces = TOKENIZER.pieces(TOKENIZER.encode("l'homme"))
    assert pieces[0] == f"{SPACE}l'"


def test_specials_decode_to_nothing_and_broken_bytes_to_a_replacement() -> None:
    ids = [1, *TOKENIZER.encode("the cat"), 2, 0, 0]
    assert TOKENIZER.decode(ids) == "the cat"
    assert TOKENIZER.decode([3 + 0xC3]) == "\ufffd"


@given(st.text())
def test_no_text_produces_a_tag(text: str) -> None:
    assert not set(TOKENIZER.encode(text)) & set(TAGS.values())


def test_tags_are_shown_by_name_and_decode_to_nothing(tmp_path: Path) -> None:
    text = "<tu> the café <vous>"
    ids = [tag_id("tu"), *TOKENIZER.encode(text), tag_id("vous")]
    assert TOKENIZER.decode(ids) == text
    assert TOKENIZER.pieces([ids[0], ids[-1]]) == ["<tu>", "<vous>"]
    TOKENIZER.save(tmp_path / "tokenizer.json")
    vocabulary = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))["model"]["vocab"]
    assert vocabulary["<0xFE>"] == ids[0]
    assert "<tu>" not in vocabulary


@pytest.mark.parametrize("ids", [[-1], [3, 10**6]])
def test_ids_outside_the_vocabulary_are_refused(ids: list[int]) -> None:
    with pytest.raises(TextError, match=f"run from 0 to {TOKENIZER.vocab_size - 1}"):
        TOKENIZER.decode(ids)


def test_saving_and_loading(tmp_path: Path) -> None:
    TOKENIZER.save(tmp_path / "tokenizer.json")
    loaded = Tokenizer.load(tmp_path / "tokenizer.json")
    assert loaded.to_json() == TOKENIZER.to_json()
    assert loaded.encode("l'homme 😀 <s>") == TOKENIZER.encode("l'homme 😀 <s>")


def test_training_twice_gives_the_same_tokenizer() -> None:
    assert Tokenizer.train(iter(TEXTS), 400).to_json() == TOKENIZER.to_json()


@pytest.mark.parametrize("size", [-1, 0, FIRST_LEARNT])
def test_too_small_a_vocabulary_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match=f"more than {FIRST_LEARNT}.*it is {size}"):
        Tokenizer.train(TEXTS, size)


@pytest.mark.parametrize("size", [FIRST_LEARNT + 1, 270, 290, 320])
def test_the_vocabulary_is_never_larger_than_asked_for(size: int) -> None:
    tokenizer = Tokenizer.train(TEXTS, size)
    assert tokenizer.vocab_size == size
    assert tokenizer.decode(tokenizer.encode("the 😀 été")) == "the 😀 été"


def test_few_texts_make_a_smaller_vocabulary() -> None:
    tokenizer = Tokenizer.train(["ab ab"], 5000)
    assert FIRST_LEARNT < tokenizer.vocab_size < 300
    assert len(json.loads(tokenizer.to_json())["model"]["vocab"]) == tokenizer.vocab_size


def test_rare_pairs_are_not_merged() -> None:
    texts = ["zebra"] * 3 + ["cat"] * 20
    common = Tokenizer.train(texts, 5000, min_frequency=10)
    assert len(common.encode("cat")) == 1
    assert len(common.encode("zebra")) > 1


def test_characters_alone() -> None:
    tokenizer = Tokenizer.train(TEXTS, 400, characters=True)
    assert tokenizer.vocab_size == FIRST_LEARNT + len(set(SPACE + "".join(TEXTS)) - {" "})
    assert tokenizer.pieces(tokenizer.encode("the mat")) == list(f"{SPACE}the{SPACE}mat")
    assert tokenizer.decode(tokenizer.encode("zebra 🙂")) == "zebra 🙂"
