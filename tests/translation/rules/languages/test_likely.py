"""Which language a text looks like."""

from __future__ import annotations

import pytest

from clearhead.translation.rules.languages.likely import FREQUENT_WORDS, other_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("O gato preto não dorme.", "pt"),
        ("Onde fica a estação?", "pt"),
        ("Où est la gare ?", "fr"),
        ("L’homme n’est pas là.", "fr"),
        ("El gato negro duerme en la casa.", "es"),
        ("Das ist nicht gut.", "de"),
        ("Il gatto nero dorme nella casa.", "it"),
        ("Кошка спит.", None),
        ("猫が寝ている。", None),
    ],
)
def test_another_language_is_noticed(text, language):
    other = other_language(text, "en")
    assert other is not None
    assert other.language == language


@pytest.mark.parametrize(
    "text",
    ["The black cat sleeps.", "She did not see him.", "Hello", "Tom", "", "42 + 1", "La Paz",
     "He lives in La Rochelle and works on the Champs de Mars.", "I ate a croissant."],
)  # fmt: skip
def test_english_and_names_are_let_pass(text):
    assert other_language(text, "en") is None


def test_it_is_told_apart_from_the_language_that_is_expected():
    assert other_language("She did not see him.", "fr").language == "en"
    assert other_language("Où est la gare ?", "fr-CA") is None
    assert other_language("Où est la gare ?", "xx") is None  # nothing is known of it


def test_words_of_two_languages_alike_name_neither():
    assert {"para", "por"} <= FREQUENT_WORDS["pt"] & FREQUENT_WORDS["es"]
    assert other_language("para por", "en").language is None
