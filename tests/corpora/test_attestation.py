"""A term stays where sentences that have its English have its French, too."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearhead.corpora import attestation as module
from clearhead.corpora.attestation import Attestation, words_of
from clearhead.text.corpus import Pair
from clearhead.translation.rules.languages.language import word_set

# "round" is "rond" in two of them, "tour" in ten; "beaucoup" does not begin with "coup".
SENTENCES = [
    *(Pair(f"The round table has {n} legs.", f"La table ronde a {n} pieds.") for n in (3, 4)),
    *(
        Pair(f"We lost round {n}.", f"Nous avons perdu le tour {n}, de beaucoup.")
        for n in range(10)
    ),
    Pair("A heron stood there.", "Un oiseau était là."),
    Pair("Two herons fly over the lake.", "Deux hérons survolent le lac."),
]


def attestation(*corpora: list[Pair], **changes: Any) -> Attestation:
    words = word_set("round table lake heron over the ford we lost purple raft")
    settings = {"least_share": 0.1, "most_sentences": 50}
    result = Attestation(words, **{**settings, **changes})
    for number, pairs in enumerate(corpora):
        result.add(number, pairs)
    return result


@pytest.mark.parametrize(
    ("english", "french", "expected"),
    [
        ("round", "tour", True),
        ("Round.", "Rond.", True),  # "ronde" begins with it
        ("round", "coup", False),  # "beaucoup" only ends with it
        ("the round", "le coup", False),
        ("round table", "table ronde", True),  # its rarest word is "table", of two sentences
        ("heron", "héron", True),  # one sentence has it, which is too few to tell
        ("heron over the lake", "héron cendré", True),
        ("to round", "tourner", False),
        ("to round", "tour", True),  # no sentence has "to", which does not matter
        ("heron raft", "radeau", False),  # no sentence has "raft"
        ("purple raft", "radeau", False),
        ("the", "la", True),  # without another word, an article counts
        ("+", "plus", False),
        ("the", "!", False),
    ],
)
def test_terms_that_sentences_bear_out(english: str, french: str, expected: bool) -> None:
    assert attestation(SENTENCES).covers(Pair(english, french)) is expected


def test_the_share_is_of_the_sentences_with_the_word() -> None:
    term = Pair("round", "rond")  # 2 of 12
    assert attestation(SENTENCES, least_share=2 / 12).covers(term)
    assert not attestation(SENTENCES, least_share=0.17).covers(term)


def test_articles_do_not_count_beside_other_words() -> None:
    """Each sentence has "la"; of "la barge" the noun is what must be there."""
    sentences = [Pair(f"The raft is {n}.", f"La raft est {n}.") for n in range(5)]
    assert not attestation(sentences).covers(Pair("raft", "chaque nef"))
    assert attestation([*sentences, Pair("A raft.", "Nef.")]).covers(Pair("raft", "chaque nef"))


def test_other_terms_show_that_a_word_is_in_use() -> None:
    words = frozenset({"raft", "purple"})
    assert attestation(SENTENCES, other_words=words).covers(Pair("purple raft", "radeau"))
    assert not attestation(SENTENCES, other_words={"raft"}).covers(Pair("purple raft", "radeau"))


def test_the_first_corpus_fills_the_places_first() -> None:
    first = [Pair(f"Round {n}.", f"Tour {n}.") for n in range(6)]
    second = [Pair(f"The round {n}.", f"La manche {n}.") for n in range(100)]
    tour, manche = Pair("round", "tour"), Pair("round", "manche")
    alone = attestation(first, second, most_sentences=6, least_share=0.01)
    assert (alone.covers(tour), alone.covers(manche)) == (True, False)
    both = attestation(first, second, most_sentences=8, least_share=0.01)
    assert (both.covers(tour), both.covers(manche)) == (True, True)
    turned = attestation(second, first, most_sentences=8, least_share=0.01)
    assert (turned.covers(tour), turned.covers(manche)) == (False, True)


def test_what_is_in_memory_is_bounded_and_shared() -> None:
    """However many sentences come, a word has its most, and a sentence of two words one row."""
    pairs = [Pair(f"We lost round {n}.", f"Perdu, {n}.") for n in range(1000)]
    heaps = attestation(pairs, most_sentences=20)._rows
    assert {word: len(heap) for word, heap in heaps.items() if heap} == {
        "we": 20,
        "lost": 20,
        "round": 20,
    }
    assert len({id(row) for heap in heaps.values() for row in heap}) == 20


def test_long_sentences_say_nothing() -> None:
    long = Pair("The ford, " + "and so on, " * 20, "Le gué, " + "et ainsi de suite, " * 20)
    assert len(long.source) > module._LONGEST_SENTENCE
    assert not attestation([long] * 5).covers(Pair("ford", "gué"))
    short = [Pair(f"The ford, {n}.", f"Le gué, {n}.") for n in range(5)]
    assert attestation(short).covers(Pair("ford", "gué"))


@given(seed=st.integers(0, 10**6), most=st.integers(3, 12))
def test_the_order_of_sentences_changes_nothing(seed: int, most: int) -> None:
    shuffled = random.Random(seed).sample(SENTENCES, len(SENTENCES))
    first, other = (
        attestation(pairs, most_sentences=most, least_share=0.2) for pairs in (SENTENCES, shuffled)
    )
    assert {word: sorted(heap) for word, heap in first._rows.items()} == {
        word: sorted(heap) for word, heap in other._rows.items()
    }
    for french in ("tour", "rond", "perdu"):
        assert first.covers(Pair("round", french)) == other.covers(Pair("round", french))


def test_words_are_runs_of_letters() -> None:
    assert list(words_of("L'Arbre n° 12: ÉTÉ-là")) == ["l", "arbre", "n", "été", "là"]
