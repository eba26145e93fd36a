"""Where sentences end: public rules, cases of each kind, and properties."""

from __future__ import annotations

import runpy
from importlib.metadata import PackageNotFoundError, files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.translation.rules.languages.english import ENGLISH
from clearhead.translation.rules.sentence_ends import ends, list_items
from clearhead.translation.sentences.segments import split_text


def sentences(text):
    """The sentences of a text, each with the list mark that is kept before it."""
    result, mark = [], ""
    for piece in split_text(text):
        if piece.translate:
            result.append((mark + piece.text).strip())
            mark = ""
        else:
            mark += piece.text
    if mark.strip() and result:
        result[-1] += mark.rstrip()
    return result


def golden_rules():
    """The 48 rules for English of the Pragmatic Segmenter, as the package pySBD carries them."""
    try:
        paths = [path for path in files("pysbd") or () if path.name == "english_golden_rules.py"]
    except PackageNotFoundError:
        return []
    rules = runpy.run_path(str(paths[0].locate()))["GOLDEN_EN_RULES"] if paths else []
    return [(text, [sentence.strip() for sentence in expected]) for text, expected in rules]


RULES = golden_rules()


@pytest.mark.skipif(not RULES, reason="pySBD, which carries the rules, is not installed")
def test_the_public_rules_for_english_hold():
    wrong = [text for text, expected in RULES if sentences(text) != expected]
    assert len(RULES) == 48
    assert wrong == []


@pytest.mark.skipif(not RULES, reason="pySBD, which carries the rules, is not installed")
def test_they_hold_whatever_lines_stand_around():
    for text, expected in RULES:
        around = sentences(f"First line here\r\n{text}\nLast line")
        assert around == ["First line here", *expected, "Last line"]


# "|" stands where one sentence ends and the next begins.
CASES = """
J.R. Moore painted it.
We met A.B. Clarke at noon.|He was late.
Have you read C.D.?|Not yet.
My doctor is Maria K. Lopez.
Ph.D. Brown teaches here.
She has a Ph.D.|She works hard.
Maj. Brown and Lt. Green arrived.
Cmdr. White, Sgt. Black and Capt. Grey left.
Prof. Adams and Dr. Evans agree.
The hon. Member is right.
The U.S. Navy sent two ships.
We live in the U.S.|They live in the U.K.|You do not.
A map of the U.S. Army camp was found.
He works for the U.N. Security Council.
At 7 a.m. Mrs. Young woke up.
By 10:30 p.m. Tom was asleep.
He woke up at 7 a.m.|Mrs. Young did too.
It closed at 5 p.m.|Nobody came.
The book costs Rs. 300 here.
See No. 5 and Nos. 7 to 9.
I said no.|He said yes.
Turn to pp. 12 to 15.
Look at Fig. 3 on p. 9.
I like this fig.|It is sweet.
The sun.|It rises.
He sat.|She stood.
We arrived on Sat. Jan. 5 in the rain.
It was Mon. March 3 then.
He sells cars at Brown Inc. (a big firm).
He founded Brown Inc.|It grew.
Apples, pears, etc.|We ate them all.
Cats, e.g. Siamese cats, sleep a lot.
It was Smith v. Jones then.
Wait . . . what do you mean?
I thought . . . I thought you knew.
It was late . . . .|Nobody spoke.
Really?!|Yes!!!|Good.
He asked, "Why?"|Then he left.
"Stop!" he cried.|"Go away."
He left (he was tired.) and slept.
They said [...] nothing at all.
Version 2.0.1 is out.|Get it.
Pay $3.50 now.|Thanks.
Write to me@example.org.|I will answer.
Go to www.example.org/a.b.html today.
I read notes.txt and data.csv yesterday.
You and I.|Nobody else.
Give it to Anna I. Stone please.
St. Mary's is on 3rd st. near here.
Mt. Etna and Ft. Knox are far away.
He is the C.E.O. of a firm.
Gen. Lee and Gov. Hall met Sen. Cole.
N°. 7 is missing.
Jones et al. wrote this.
About 5 ft. 3 tall.
Is it 3 p.m. or 4 p.m. now?
Good morning!|How are you?|Fine.
It is 5.|No, it is 6.
He came in Dec. 2019 and left.
""".strip().splitlines()


@pytest.mark.parametrize("case", CASES)
def test_sentences_end_where_a_reader_ends_them(case):
    expected = case.split("|")
    assert sentences(case.replace("|", " ")) == expected


LISTS = [
    ("1. Wash it 2. Dry it 3. Go", ["1. Wash it", "2. Dry it", "3. Go"]),
    ("1) One. Two. 2) Three.", ["1) One.", "Two.", "2) Three."]),
    ("(1) Wash it (2) Dry it", ["(1) Wash it", "(2) Dry it"]),
    ("a) yes b) no c) never", ["a) yes", "b) no", "c) never"]),
    ("• 1. Tea • 2. Milk", ["• 1. Tea", "• 2. Milk"]),
    ("7. Tea 8. Milk", ["7. Tea", "8. Milk"]),
]


@pytest.mark.parametrize(("text", "expected"), LISTS)
def test_the_items_of_a_list_in_a_line_keep_their_numbers(text, expected):
    assert sentences(text) == expected
    assert "".join(piece.text for piece in split_text(text)) == text


@pytest.mark.parametrize(
    "text", ["1. Tea 3. Milk", "I have 1. tea 2. milk", "a. one 2. two", "1. Tea"]
)
def test_what_is_no_list_is_none(text):
    assert list_items(text) == []


NAMES = ["Tom", "Mary", "The man", "A dog", "My friend", "We", "They", "It"]
VERBS = ["sees", "likes", "wants", "was", "made", "needs"]
THINGS = ["a house", "no tea", "the sun", "Boston", "her", "it all", "an hour", "two cats"]
PLAIN = st.builds(
    "{} {} {}{}".format, *map(st.sampled_from, (NAMES, VERBS, THINGS, [".", "!", "?"]))
)


@given(st.lists(PLAIN, min_size=1, max_size=6))
def test_plain_sentences_are_cut_apart(several):
    assert sentences(" ".join(several)) == several


@given(st.text("aI .!?…\"')(]1b\n“”-A", max_size=60))
def test_ends_are_in_order_and_within_the_line(text):
    places = list(ends(text))
    assert places == sorted(set(places))
    assert all(0 < place <= len(text) for place in places)
    assert "".join(piece.text for piece in split_text(text)) == text


def test_words_that_begin_sentences_are_no_names():
    assert not ENGLISH.starters & {"tom", "smith", "rowling"}
