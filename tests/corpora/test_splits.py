"""What is held out is decided by the English sentence."""

from __future__ import annotations

from clearhead.corpora.splits import HeldOut
from clearhead.text.corpus import Pair
from clearhead.text.token_store import split_position

SENTENCES = [f"Sentence number {i}." for i in range(200)]


def test_every_version_of_a_sentence_falls_on_one_side() -> None:
    held_out = HeldOut(0.5, 10)
    assert 60 < sum(map(held_out.covers, SENTENCES)) < 140
    for sentence in SENTENCES:
        other = sentence.upper().replace(".", " !")
        assert held_out.covers(sentence) == held_out.covers(other)
    assert not any(map(HeldOut(0, 10).covers, SENTENCES))


def test_the_sets_are_the_same_in_any_order() -> None:
    held_out, backwards = HeldOut(0.5, 10), HeldOut(0.5, 10)
    pairs = [Pair(s, f"{version} {s}") for s in SENTENCES for version in ("Une", "Deux")]
    pairs = [pair for pair in pairs if held_out.covers(pair.source)]
    for pair in pairs:
        held_out.add("news", pair)
    for pair in reversed(pairs):
        backwards.add("news", pair)
    sets = list(held_out.sets())
    assert sets == list(backwards.sets())
    (_, _, development), (_, _, test) = sets
    assert [(kind, part) for kind, part, _ in sets] == [("news", "development"), ("news", "test")]
    assert len(development) == len(test) == 10
    assert all(split_position(pair.source) < 0.25 for pair in development)
    assert all(0.25 <= split_position(pair.source) < 0.5 for pair in test)
    assert len({pair.source for pair in test}) == 10  # one translation of each
