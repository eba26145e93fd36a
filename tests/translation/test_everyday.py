"""The list of everyday sentences, and what the bundled model makes of it."""

from __future__ import annotations

import pytest

from benchmarks.translation_quality.everyday import read_everyday
from benchmarks.translation_quality.flaws import address
from benchmarks.translation_quality.judging import flaws
from benchmarks.translation_quality.words import WORD_LIST, WordList
from clearhead.translation.translator import Translator

LEAST_SENTENCES, LEAST_OF_A_GROUP = 300, 18

# French names that the word list does not have and the English spells otherwise.
NAMES = {"Italie"}

# The share of the list that the bundled model translates as a teacher would accept, and its words
# that do not exist, as measured and as they may be: another machine's last bits decide a few
# sentences. A new model raises them; benchmarks/results/translation_quality.md has every failure.
MEASURED_SHARE, FLOOR = 0.830, 0.81
MEASURED_INVENTED_WORDS, MOST_INVENTED_WORDS = 4, 5


@pytest.fixture(scope="module")
def sentences():
    return read_everyday()


@pytest.fixture(scope="module")
def texts(sentences):
    translator = Translator.load("en-fr")
    return [x.text for x in translator.translate([sentence.source for sentence in sentences])]


@pytest.fixture(scope="module")
def word_list():
    if not WORD_LIST.is_file():
        pytest.skip(f"there is no French word list at {WORD_LIST}: apt install wfrench")
    return WordList.read()


def test_the_list_is_long_and_its_groups_are_alike(sentences):
    groups: dict[str, int] = {}
    for sentence in sentences:
        groups[sentence.group] = groups.get(sentence.group, 0) + 1
    assert len(sentences) >= LEAST_SENTENCES
    assert len(groups) == 16
    assert min(groups.values()) >= LEAST_OF_A_GROUP


def test_a_sentence_accepts_its_own_forms_and_no_other_sentence_s(sentences):
    hello, birthday = sentences[0], next(x for x in sentences if "birthday!" in x.source)
    assert all(x.accepts(form) for x in sentences for form in x.accepted)
    assert not any(hello.accepts(form) for form in birthday.accepted)


def test_tu_and_vous_do_not_meet_in_one_form(sentences):
    assert not [form for x in sentences for form in x.accepted if address(form) == "both"]


def test_every_accepted_word_is_french(sentences, word_list):
    unknown = {
        word
        for sentence in sentences
        for form in sentence.accepted
        for row in [word_list.unknown(form, sentence.source)]
        for word in (*row.invented, *row.capitals)
    }
    assert not unknown - NAMES


def test_the_bundled_model_translates_the_list_as_well_as_it_was_measured(sentences, texts):
    right = sum(x.accepts(text) for x, text in zip(sentences, texts, strict=True))
    assert right / len(sentences) >= FLOOR, f"{MEASURED_SHARE} were measured"


def test_the_bundled_model_invents_no_more_words_than_were_measured(sentences, texts, word_list):
    counts = flaws(texts, [x.source for x in sentences], [x.accepted for x in sentences], word_list)
    number = sum(counts["invented"].values())
    assert number <= MOST_INVENTED_WORDS, (MEASURED_INVENTED_WORDS, counts["invented"])
