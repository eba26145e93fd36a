from __future__ import annotations

import unicodedata

import pytest

from clearhead.translation.rules.characters import character_changes, plain_characters


@pytest.mark.parametrize(
    ("sentence", "read", "change"),
    [
        (unicodedata.normalize("NFD", "Où est-elle née ?"), "Où est-elle née ?", "accents"),
        ("Close\u00ad the do\u00ador.", "Close the door.", "invisible"),
        ("Close\u200b the\u2060 door\ufeff.", "Close the door.", "invisible"),
        ("\u202aClose the door.\u202c", "Close the door.", "invisible"),
        ("the o\ufb03ce", "the office", "ligatures"),
        ("Ｃｌｏｓｅ the door！", "Close the door!", "ligatures and wide"),
        ("I don’t “know”.", 'I don\'t "know".', "quotation marks"),
    ],
)
def test_characters_are_read_in_the_form_that_models_know(sentence, read, change):
    assert plain_characters(sentence) == read
    assert any(change in one for one in character_changes(sentence))


def test_spaces_of_all_kinds_are_one_plain_space():
    assert plain_characters("a\u00a0b\u202fc \t d") == "a b c d"


def test_an_emoji_keeps_its_joiners():
    family = "👨\u200d👩\u200d👧"
    assert plain_characters(f"My {family} is here.") == f"My {family} is here."


@pytest.mark.parametrize("text", ["I love tea.", "Ça va ?", "L'été, 12:30!", "日本", ""])
def test_plain_text_stays(text):
    assert plain_characters(text) == text
    assert character_changes(text) == []
