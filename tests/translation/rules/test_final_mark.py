from __future__ import annotations

import pytest

from clearhead.translation.rules.final_mark import (
    add_final_mark,
    drop_final_mark,
    give_back_ending,
    read_ending,
)


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("Close the door", "Close the door."),
        ("Where is the station", "Where is the station?"),
        ("Do you like tea", "Do you like tea?"),
        ("do you like tea", "do you like tea?"),
        ("What a nice day", "What a nice day."),
        ("How nice", "How nice."),
        ("How are you", "How are you?"),
        ("Have a seat", "Have a seat."),
        ("fox", "fox."),
        ("Settings ", "Settings."),
    ],
)
def test_a_mark_is_added_where_there_is_none(sentence, read):
    assert add_final_mark(sentence) == read


@pytest.mark.parametrize(
    "text",
    ["Close the door.", "Why?", "Go!", "Well…", "You need:", "Dear Tom,", 'He said "no."', "(Yes.)",
     "12:30", "", "...", "今。"],
)  # fmt: skip
def test_a_sentence_with_a_mark_stays(text):
    assert add_final_mark(text) == text


@pytest.mark.parametrize(
    ("translation", "without"),
    [("Fermez la porte !", "Fermez la porte"), ("Où est-ce\u202f?", "Où est-ce"), ("Oui.", "Oui"),
     ("Oui...", "Oui"), ("Oui", "Oui"), (".", "")],
)  # fmt: skip
def test_the_mark_is_taken_away_with_its_space(translation, without):
    assert drop_final_mark(translation) == without


@pytest.mark.parametrize(
    ("sentence", "read", "ending"),
    [
        ("Go", "Go.", ""),
        ("Go!", "Go!", None),
        ("Go!!!", "Go!", "!!!"),
        ("Are you coming??", "Are you coming?", "??"),
        ("Really?!", "Really?", "?!"),
        ("Really!?", "Really?", "!?"),
        ("I'm tired...", "I'm tired.", "..."),
        ("I'm tired …", "I'm tired.", "…"),
        ("I'm tired. . .", "I'm tired.", ". . ."),
        ("...", "...", None),
        ("You need:", "You need:", None),
    ],
)
def test_an_ending_of_several_marks_is_read_as_one(sentence, read, ending):
    assert read_ending(sentence) == (read, ending)


@pytest.mark.parametrize(
    ("translation", "ending", "expected"),
    [
        ("Va !", "!!!", "Va !!!"),
        ("Viens-tu\u202f?", "?!", "Viens-tu\u202f?!"),
        ("Je suis las.", "...", "Je suis las..."),
        ("Va !", "…", "Va…"),
        ("Va", "!!", "Va!!"),
        ("Va !", "", "Va"),
    ],
)
def test_an_ending_comes_back_with_the_space_before_it(translation, ending, expected):
    assert give_back_ending(translation, ending) == expected
