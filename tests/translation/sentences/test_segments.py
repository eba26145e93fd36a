"""A text is cut into sentences and the rest, losslessly, and in bounded time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import TextError
from clearhead.translation.rules.final_mark import read_ending
from clearhead.translation.rules.inline_marks import take_out
from clearhead.translation.sentences.segments import (
    MAX_CHARACTERS,
    CheckedText,
    Piece,
    check_letters,
    check_text,
    fit,
    split_text,
)
from tests.processor_time import at_most_processor_seconds


def fit_text(text, limit, encode=tuple):
    """The pieces of one sentence; here a character is a token, if nothing else is said."""
    return fit([Piece(text, True)], limit, encode)


def sentences(text):
    return [piece.text for piece in split_text(text) if piece.translate]


TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    st.text(st.sampled_from("aB. !?…\n\r\t,;:—-1'\"()«»\u00a0😀\x00。"), max_size=200),
)


@given(TEXTS)
def test_nothing_is_lost(text):
    pieces = split_text(text)
    assert "".join(piece.text for piece in pieces) == text
    for piece in pieces:
        assert piece.text
        if piece.translate:
            assert piece.text == piece.text.strip()
            assert any(character.isalpha() for character in piece.text)
            assert not set(piece.text) & set("\n\r\x00\t\u2028")


@given(TEXTS, st.integers(1, 30))
def test_fitted_pieces_fit_and_nothing_is_lost(text, limit):
    pieces = fit_text(text, limit)
    assert "".join(piece.text for piece in pieces) == text
    assert all(len(piece.text) <= limit for piece in pieces if piece.translate)
    for piece in pieces:
        assert piece.ids in ((), tuple(piece.text))


def test_what_fits_is_encoded_once_and_carries_its_ids():
    encoded = []

    def encode(text):
        encoded.append(text)
        return [7] * len(text)

    pieces = fit([Piece("\n", False), Piece("two words", True)], 9, encode)
    assert [(piece.text, piece.ids) for piece in pieces] == [("\n", ()), ("two words", (7,) * 9)]
    assert encoded == ["two words"]


def test_a_text_that_comes_to_nothing_is_not_cut():
    assert [piece.text for piece in fit_text("a\u200bb", 1, lambda text: [])] == ["a\u200bb"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How are you? I am fine.", ["How are you?", "I am fine."]),
        ("He said: “Go!” She went.", ["He said", "Go!", "She went."]),
        ("Wait... What? Yes!", ["Wait...", "What?", "Yes!"]),
        ("Mr. Smith met Dr. Jones on Main St. 5.", ["Mr. Smith met Dr. Jones on Main St. 5."]),
        ("It costs 3.50 dollars. Cheap.", ["It costs 3.50 dollars.", "Cheap."]),
        ("Fruit, e.g. Apples, is good.", ["Fruit, e.g. Apples, is good."]),
        ("J. R. R. Tolkien wrote it.", ["J. R. R. Tolkien wrote it."]),
        ("It was 5 p.m. We left.", ["It was 5 p.m.", "We left."]),
        ("It was 5 p.m. when we left.", ["It was 5 p.m. when we left."]),
        ("So do I. You know.", ["So do I.", "You know."]),
        ("See www.example.com. Then go.", ["See www.example.com.", "Then go."]),
        ("(Is it?) Yes.", ["Is it?", "Yes."]),
        ("“Why?” he asked.", ["“Why?” he asked."]),
        ("one\ntwo\r\n\r\nthree", ["one", "two", "three"]),
        ("- Yes.\n- No.\n1. First item", ["Yes.", "No.", "First item"]),
        ("  padded  ", ["padded"]),
        ("Great! 🎉🎉 Thanks 😀", ["Great!", "Thanks"]),
        ("a\x00b\tc", ["a", "b", "c"]),
        ("", []),
        ("12:30 — 14:00 !!! 😀", []),
        ("Das ist gut. Ärger gibt es nicht.", ["Das ist gut.", "Ärger gibt es nicht."]),
        ("今日は。元気？", ["今日は。", "元気？"]),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == expected


def test_a_long_sentence_is_cut_at_the_strongest_boundary_near_its_middle():
    text = "one two three four, five six seven; eight nine ten, eleven twelve"
    assert [p.text for p in fit_text(text, 40) if p.translate] == [
        "one two three four, five six seven;",
        "eight nine ten, eleven twelve",
    ]
    words = "alpha beta gamma delta epsilon zeta"
    parts = [piece.text for piece in fit_text(words, 12) if piece.translate]
    assert parts == ["alpha", "beta gamma", "delta", "epsilon zeta"]


def test_a_lone_surrogate_is_refused_with_its_place():
    with pytest.raises(
        TextError, match=r"lone surrogate \(U\+D83D\) at character 3, which is half"
    ):
        split_text("abc\ud83d def")


def test_more_than_a_million_characters_are_refused():
    with pytest.raises(TextError, match="1,000,000 characters; this one has 1,000,001"):
        split_text("a" * (MAX_CHARACTERS + 1))


@pytest.mark.parametrize(
    "unit",
    ["a", " ", ".", "!", "\n", "\x00", "a ", "a. ", ". ", "?!", "🎉", "-", "é", "今", "((", "<",
     "— ", "a — ", "a... ", "=", "/a", "--a ", "<p>", "<p ", "(a) B ", "Aa: ", "Aa - ", "12:30 ",
     "[12:30] A ", ".</b> ", ".*", "C:\\a", "~/"],
)  # fmt: skip
def test_a_hundred_thousand_of_anything_take_no_time(unit):
    text = "So " + unit * (100_000 // len(unit)) + " it goes"
    with at_most_processor_seconds(30):
        pieces = split_text(text)
        for piece in pieces:
            if piece.translate:
                for part in fit_text(piece.text, 100, lambda part: range(len(part) // 2)):
                    take_out(read_ending(part.text)[0])
    assert "".join(piece.text for piece in pieces) == text


def test_a_text_is_checked_once():
    text = check_text("a cat")
    assert (text, type(text)) == ("a cat", CheckedText)
    assert check_text(text) is text


def test_one_endless_word_is_not_translated():
    assert sentences("a" * 100_000) == []
    assert sentences("Key: " + "QUJD" * 60 + " is secret.") == ["Key:", "is secret."]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("12 + 30 = 42", "what has no letters comes through as it is"),
        ("\U0001f600", "what has no letters comes through as it is"),
        ("a" * 199, None),
        ("a" * 200, "a word may have 199 characters, and its longest has 200"),
        ("b" * 3000 + " 12", "its longest has 3,000. What is longer is taken for data"),
        ("1" * 3000, "what has no letters comes through as it is"),
        ("c" * 3000 + " A word.", None),
    ],
)
def test_what_there_is_nothing_to_translate_in_is_refused_for_its_reason(text, words):
    if words is None:
        check_letters(text, split_text(text))
        return
    with pytest.raises(TextError, match=re.escape(words)):
        check_letters(text, split_text(text))
