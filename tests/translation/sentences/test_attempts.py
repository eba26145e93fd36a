"""The ways to translate a sentence with protected spans; in one of them none is ever lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.translation.rules.protected import numbers, preserves, spans
from clearhead.translation.rules.reading import Reading
from clearhead.translation.sentences.attempts import as_fragment, attempts, complete
from clearhead.translation.sentences.segments import Piece
from clearhead.translation.sentences.sentence import Sentence


def sentence_of(text):
    return Sentence(text, Reading(text, text), parts=(Piece(text, True),))


def ways(text):
    return list(attempts(sentence_of(text)))


def test_a_sentence_without_spans_has_one_way():
    sentence = sentence_of("Where is the station?")
    (attempt,) = attempts(sentence)
    assert attempt is sentence
    assert attempt.is_whole
    assert complete(attempt, "Où est la gare ?") == "Où est la gare ?"


def test_stand_ins_are_put_back():
    source = "Hello {name}, you have %d messages."
    attempt = ways(source)[0]
    (piece,) = attempt.parts
    assert piece.text == "Hello Tom, you have 37 messages."
    output = complete(attempt, "Bonjour Tom, vous avez 37 messages.")
    assert output == "Bonjour {name}, vous avez %d messages."
    assert complete(attempt, "Bonjour, vous avez 37 messages.") is None
    assert complete(attempt, "Bonjour Tommy, vous avez 37 messages.") is None
    assert complete(attempt, "Bonjour Tom, Tom, vous avez 37 messages.") is None


def test_stand_ins_avoid_words_that_are_there():
    (piece,) = ways("Tom knows {who}.")[0].parts
    assert piece.text == "Tom knows Paul."


def test_the_last_way_always_keeps_every_span():
    source = "Visit https://x.example on 12 May, {name}: <b>now</b>!"
    last = ways(source)[-1]
    assert "".join(piece.text for piece in last.parts) == source
    kept_texts = [piece.text for piece in last.parts if not piece.translate]
    for span in ("https://x.example", "12", "{name}", "<b>", "</b>"):
        assert span in kept_texts


@given(
    st.lists(
        st.sampled_from(
            ["{name}", "%s", "%1$s", "{{x}}", "<b>", "3", "1,000", "tea", "and", "a@b.example",
             "😀", ",", "http://x.example/1", "Tom", "Please"]
        ),
        min_size=1,
        max_size=9,
    )
)  # fmt: skip
def test_pieces_of_the_last_way_preserve_whatever_the_model_says(words):
    source = " ".join(words)
    last = ways(source)[-1]
    if last.is_whole:
        assert not spans(source)
        assert not numbers(source)
        return
    output = "".join("charabia" if piece.translate else piece.text for piece in last.parts)
    assert preserves(source, output)


@pytest.mark.parametrize(
    ("source", "output", "expected"),
    [
        ("you have", "Vous avez.", "vous avez"),
        ("Stop.", "Arrêtez.", "Arrêtez."),
        ("Hello", " Bonjour. ", "Bonjour"),
        ("new messages", "URL nouvelles", "URL nouvelles"),
        ("", "", ""),
    ],
)
def test_as_fragment(source, output, expected):
    assert as_fragment(source, output) == expected
