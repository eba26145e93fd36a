"""Which words exist, and which the benchmark calls invented."""

from __future__ import annotations

import pytest

from benchmarks.translation_quality.words import (
    UnknownWords,
    WordList,
    names,
    small_words,
    words,
)
from clearhead.errors import CorpusError

WORDS = """
aime aujourd'hui centre donne je lui maître mer rendez-vous soeur va ville
"""


@pytest.fixture
def word_list():
    return WordList(WORDS.split())


@pytest.mark.parametrize(
    "word",
    [
        "aime",
        "AIME",
        "j'aime",
        "J\u2019aime",
        "qu'aime",
        "sœur",
        "maître",
        "maitre",
        "aujourd'hui",
        "rendez-vous",
        "centre-ville",
        "donne-lui",
        "donne-le-moi",
        "va-t-il",
        "va-t'en",
        "wifi",
    ],
)
def test_a_word_of_the_list_exists_in_every_dress(word_list, word):
    assert word in word_list


@pytest.mark.parametrize("word", ["aimer", "x'aime", "donne-zoo", "lumineil-vous", "-", "j'"])
def test_other_words_do_not(word_list, word):
    assert word not in word_list


def test_words_know_whether_they_begin_a_sentence():
    assert list(words("L'eau va. « Va ! » dit-il à Zoé, 2")) == [
        ("L'eau", True),
        ("va", False),
        ("Va", True),
        ("dit-il", True),
        ("à", False),
        ("Zoé", False),
        ("2", False),
    ]


def test_invented_words_and_capitals_are_told_apart(word_list):
    unknown = word_list.unknown("Habe va, j'lumineil 12 à l'Italie", "Happy, see Italy 12")
    assert unknown == UnknownWords(("Habe", "j'lumineil", "à"), ("l'Italie",))


def test_capitals_do_not_excuse_a_word_whose_source_has_no_name(word_list):
    unknown = word_list.unknown("Je Musqu Musus", "Ten minus one.", common=["ten"])
    assert unknown == UnknownWords(("Musqu", "Musus"), ())


def test_names_of_the_source_and_words_of_a_right_translation_exist(word_list):
    assert not word_list.unknown("Tom aime d'Anna", "I love Anna, Tom.").invented
    assert not word_list.unknown("Je crois.", "I think.", accepted=["Je le crois."]).invented
    assert word_list.unknown("Je think.", "I think.").invented == ("think",)


def test_a_first_word_is_a_name_unless_it_is_common():
    source = "Happy birthday, Tom! Paris's weather"
    assert names(source, set()) == {"happy", "tom", "paris", "paris's"}
    assert names(source, small_words(["Are you happy?"])) == {"tom", "paris", "paris's"}


def test_a_list_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"no French word list at .*; name another with --word"):
        WordList.read(tmp_path / "french")


def test_a_list_is_a_file_of_lines(tmp_path):
    (tmp_path / "french").write_text("été\nmer\n", "utf-8")
    assert "l'été" in WordList.read(tmp_path / "french")
