"""What people type, made of plain pairs."""

from __future__ import annotations

import random
import unicodedata

import pytest

from clearhead.corpora.variants import SIMPLE, Sample, Sides, variant_of
from clearhead.text.corpus import Pair

ENGLISH_FRENCH, FRENCH_ENGLISH = Sides("en", "fr"), Sides("fr", "en")
PAIR = Pair("I don't know Ann.", "Je ne connais pas Ann.")
PAIRS = [Pair(f"It's item {i}.", f"C'est l'objet {i}.") for i in range(600)]


@pytest.mark.parametrize(
    ("kind", "source", "target"),
    [
        ("no_mark", "I don't know Ann", "Je ne connais pas Ann"),
        ("other_mark", "I don't know Ann!", "Je ne connais pas Ann !"),
        ("lower", "i don't know ann.", "Je ne connais pas Ann."),
        ("lower_no_mark", "i don't know ann", "Je ne connais pas Ann"),
        ("small_names", "I don't know ann.", "Je ne connais pas Ann."),
        ("upper", "I DON'T KNOW ANN.", "JE NE CONNAIS PAS ANN."),
        ("title", "I Don't Know Ann.", "Je ne connais pas Ann."),
        ("no_apostrophes", "I dont know Ann.", "Je ne connais pas Ann."),
        ("curly", "I don’t know Ann.", "Je ne connais pas Ann."),
    ],
)
def test_variants_of_a_sentence(kind: str, source: str, target: str) -> None:
    assert SIMPLE[kind](PAIR, ENGLISH_FRENCH) == (source, target)


@pytest.mark.parametrize(
    ("kind", "source", "target"),
    [
        ("capital", "Small fox", "Petit renard"),
        ("full_stop", "small fox.", "petit renard."),
        ("sentence", "Small fox.", "Petit renard."),
    ],
)
def test_variants_of_a_term(kind: str, source: str, target: str) -> None:
    assert SIMPLE[kind](Pair("small fox", "petit renard"), ENGLISH_FRENCH) == (source, target)


def test_the_space_before_a_mark_is_french() -> None:
    pair = Pair("Bravo !", "Well done!")
    assert SIMPLE["other_mark"](pair, FRENCH_ENGLISH) == ("Bravo.", "Well done.")
    back = SIMPLE["other_mark"](Pair("Bravo.", "Well done."), FRENCH_ENGLISH)
    assert back == pair
    assert SIMPLE["no_mark"](pair, FRENCH_ENGLISH) == ("Bravo", "Well done")


def test_quotes_and_accents() -> None:
    pair = Pair('Say "été" ("now").', "Dis-le.")
    assert SIMPLE["curly"](pair, ENGLISH_FRENCH) == ("Say “été” (“now”).", "Dis-le.")
    variant = SIMPLE["decomposed"](pair, ENGLISH_FRENCH)
    assert variant is not None
    assert variant.source != pair.source
    assert unicodedata.normalize("NFC", variant.source) == pair.source


@pytest.mark.parametrize(
    ("kind", "pair"),
    [
        ("no_mark", Pair("yes", "oui")),
        ("no_mark", Pair("Yes.", "oui")),
        ("no_mark", Pair("...", "...")),
        ("other_mark", Pair("Who?", "Qui ?")),
        ("other_mark", Pair("Well...", "Bon...")),
        ("other_mark", Pair("Yes!", "Oui.")),
        ("lower", Pair("yes", "oui")),
        ("small_names", Pair("Yes, I do.", "Oui.")),
        ("no_apostrophes", Pair("Yes.", "Oui.")),
        ("curly", Pair("Yes.", "Oui.")),
        ("decomposed", Pair("Yes.", "Oui.")),
        ("full_stop", Pair("Yes:", "Oui :")),
        ("sentence", Pair("Yes.", "Oui.")),
        ("full_stop", Pair("+", "plus")),
        ("capital", Pair("Yes", "Oui")),
    ],
)
def test_no_variant_where_nothing_would_change(kind: str, pair: Pair) -> None:
    assert SIMPLE[kind](pair, ENGLISH_FRENCH) is None


def test_shares_are_shares_of_the_pairs() -> None:
    shares = {"upper": 0.25, "lower": 0.5}
    kinds = [variant_of(pair, ENGLISH_FRENCH, shares, 7, None) for pair in PAIRS]
    counts = {kind: sum(one is not None and one[0] == kind for one in kinds) for kind in shares}
    assert 110 < counts["upper"] < 190
    assert 250 < counts["lower"] < 350
    again = [variant_of(pair, ENGLISH_FRENCH, shares, 8, None) for pair in PAIRS]
    assert again != kinds


def test_joined_lines_are_of_the_sample_in_any_order() -> None:
    others = [*PAIRS[:50], Pair("no mark", "sans marque")]
    random.Random(1).shuffle(others)
    sample, again = Sample(others, 7, size=9), Sample(sorted(others), 7, size=9)
    sources = {pair.source for pair in PAIRS[:50]}
    counts = []
    for pair in PAIRS[100:200]:
        line = sample.join(pair, 7)
        assert line is not None
        assert line == again.join(pair, 7)
        assert line.source.startswith(f"{pair.source} It's item ")
        parts = line.source.removeprefix(f"{pair.source} ").replace(". I", ".|I").split("|")
        assert sources >= set(parts)
        assert line.target.count("C'est") == line.source.count("It's")
        counts.append(len(parts))
    assert set(counts) == {1, 2}
    assert sample.join(Pair("no mark", "sans marque"), 7) is None
    assert Sample([], 7).join(PAIR, 7) is None
