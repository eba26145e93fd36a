"""Of a language without rules nothing is taken for what another language has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.translation.rules.final_mark import add_final_mark, read_ending
from clearhead.translation.rules.languages.language import NEUTRAL, word_set
from clearhead.translation.rules.letter_case import kind_of_case, ordinary_case
from clearhead.translation.rules.opening import is_name, opening
from clearhead.translation.sentences.segments import split_text


def sentences(text):
    return [piece.text for piece in split_text(text, language=NEUTRAL) if piece.translate]


def test_words_of_a_text_are_the_data_of_a_rule():
    assert word_set("mr mrs\n  dr ") == {"mr", "mrs", "dr"}


def test_a_mark_is_added_where_the_script_has_it_and_nothing_asks():
    assert add_final_mark("Wo ist der Bahnhof", NEUTRAL) == "Wo ist der Bahnhof."
    assert add_final_mark("Where is it", NEUTRAL) == "Where is it."
    assert add_final_mark("Где вокзал", NEUTRAL) == "Где вокзал."
    # Scripts without capital letters mostly have a full stop of their own.
    assert add_final_mark("今日は晴れ", NEUTRAL) == "今日は晴れ"
    assert add_final_mark("यह घर है", NEUTRAL) == "यह घर है"
    assert read_ending("Halt!!!", NEUTRAL) == ("Halt!", "!!!")


def test_no_noun_with_a_capital_letter_makes_a_title():
    for text in ("Der Hund und die Katze", "Die Alte Brücke In Der Stadt"):
        assert kind_of_case(text, NEUTRAL) == "sentence"
    assert kind_of_case("der Hund schläft", NEUTRAL) == "small"
    assert kind_of_case("DER HUND SCHLÄFT", NEUTRAL) == "capitals"
    assert ordinary_case("ICH UND I", "capitals", len, NEUTRAL) == "Ich und i"


def test_nothing_before_a_colon_is_a_name():
    assert opening("Achtung: Hier ist ein Hund.", NEUTRAL) == []
    assert not is_name("Anna", NEUTRAL)
    # A note in brackets is translated, for it may be no name.
    assert [p.translate for p in opening("[Anna] Komm her.", NEUTRAL)] == [False, True, False]
    assert opening("12:30 Komm her.", NEUTRAL)[0].rule == "time"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Er kommt. Sie geht.", ["Er kommt.", "Sie geht."]),
        ("J. Bach lebt. Gut.", ["J. Bach lebt.", "Gut."]),
        ("Warum? Darum!", ["Warum?", "Darum!"]),
    ],
)
def test_sentences_end_at_marks(text, expected):
    assert sentences(text) == expected


@given(st.text("aÄß .!?:-…\"'()12\n«»“”日", max_size=60))
def test_pieces_are_the_text(text):
    pieces = split_text(text, language=NEUTRAL)
    assert "".join(piece.text for piece in pieces) == text
