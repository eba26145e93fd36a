from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.translation.rules.letter_case import give_back_case, kind_of_case, ordinary_case

WORDS_OF_ONE_PIECE = {
    "close",
    "the",
    "door",
    "Tom",
    "NASA",
    "tea",
    "loves",
    "Boston",
    "where",
    "is",
    "old",
}


def count_pieces(word):
    return 1 if word in WORDS_OF_ONE_PIECE else 2


@pytest.mark.parametrize(
    ("sentence", "kind", "read"),
    [
        ("CLOSE THE DOOR.", "capitals", "Close the door."),
        ("TOM LOVES TEA.", "capitals", "Tom loves tea."),
        ("I LOVE NASA, I'M SURE!", "capitals", "I love NASA, I'm sure!"),
        ("CLOSE {NAME} %s THE DOOR", "capitals", "Close {NAME} %s the door"),
        ("Close The Door", "title", "Close the door"),
        ("Tom Is The Old King of Tea", "title", "Tom is the old king of tea"),
        ("close the door.", "small", "Close the door."),
        ("- close the door", "small", "- Close the door"),
    ],
)
def test_a_sentence_is_read_in_ordinary_case(sentence, kind, read):
    assert kind_of_case(sentence) == kind
    assert ordinary_case(sentence, kind, count_pieces) == read


@pytest.mark.parametrize(
    "text",
    ["Close the door.", "NASA", "NASA and the USA agree.", "Tom and Mary love Boston.", "USA", "I",
     "OK, I see.", "My name is John Smith.", "fox", "%1$s gave it.", "", "12:30", "iPhone",
     "Paris, London and New York."],
)  # fmt: skip
def test_ordinary_sentences_stay(text):
    kind = kind_of_case(text)
    assert kind in ("sentence", "title") or text == ""
    assert ordinary_case(text, "sentence", count_pieces) == text


def test_a_few_capital_words_make_no_title():
    assert kind_of_case("I met Mary Jane Brown in New York.") == "sentence"
    assert kind_of_case("The President of the United States spoke.") == "sentence"


@pytest.mark.parametrize(
    ("translation", "kind", "given_back"),
    [
        ("Fermez {name} la porte à l'été !", "capitals", "FERMEZ {name} LA PORTE À L'ÉTÉ !"),
        ("Fermez la porte", "title", "Fermez la porte"),
        ("Fermez la porte.", "small", "fermez la porte."),
        ("L'ONU est là.", "small", "L'ONU est là."),
        ("Fermez la porte.", "sentence", "Fermez la porte."),
    ],
)
def test_the_case_is_given_back(translation, kind, given_back):
    assert give_back_case(translation, kind) == given_back


@given(st.text(), st.sampled_from(["capitals", "title", "small", "sentence"]))
def test_giving_back_keeps_the_length(text, kind):
    assert len(give_back_case(text, kind)) == len(text)
