"""Texts in one form, and French with its spaces."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.corpora.cleaning import clean_english, clean_french, clean_pair
from clearhead.text.corpus import Pair
from clearhead.translation.rules.characters import plain_characters

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20) | st.text(
    alphabet=st.characters(max_codepoint=0x17F), max_size=20
)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  It’s   “fine”.\u00a0", 'It\'s "fine".'),
        ("cafe\u0301", "café"),
        ("a\tb", "a b"),
        ("The word ``now'' is mine.", 'The word "now" is mine.'),
        ("soft\u00adware", "software"),
    ],
)
def test_english(text: str, clean: str) -> None:
    assert clean_english(text) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Ça va?", "Ça va ?"),
        ("Ça va\u202f?", "Ça va ?"),
        ("Quoi?! Non!", "Quoi ?! Non !"),
        ("Il dit: «Oui»; puis «\u00a0non\u00a0».", "Il dit : « Oui » ; puis « non »."),
        ("À 12:30, http://a.fr/b?c=d", "À 12:30, http://a.fr/b?c=d"),
        ("Sel &amp; poivre (?)", "Sel &amp; poivre (?)"),
        ('"Oui!" dit-il.', '"Oui !" dit-il.'),
        ("L’été…", "L'été…"),
    ],
)
def test_french(text: str, clean: str) -> None:
    assert clean_french(text) == clean


@given(TEXTS)
def test_a_clean_text_stays_as_it_is(text: str) -> None:
    french = clean_french(text)
    assert clean_french(french) == french
    assert "\t" not in french
    assert "\n" not in french
    english = clean_english(text)
    assert english == plain_characters(text).strip() or "''" in text
    assert clean_english(english) == english or not unicodedata.is_normalized("NFC", english)


def test_a_pair_is_english_and_french() -> None:
    assert clean_pair(Pair("Really?", "Vraiment?")) == ("Really?", "Vraiment ?")
