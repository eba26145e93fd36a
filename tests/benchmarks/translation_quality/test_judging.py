"""A set is judged by references, by accepted forms and by its words."""

from __future__ import annotations

import pytest

from benchmarks.translation_quality.everyday import EverydaySentence
from benchmarks.translation_quality.judging import judge_everyday, judge_pairs
from benchmarks.translation_quality.pairs import PairSet
from benchmarks.translation_quality.words import WordList

SENTENCES = [
    EverydaySentence("a", "Yes.", ("Oui.",)),
    EverydaySentence("a", "Good.", ("Bon.", "Bien.")),
    EverydaySentence("b", "Your cat.", ("Ton chat.", "Votre chat.")),
]
TRANSLATIONS = {"Yes.": "Oui.", "Good.": "Goude goude.", "Your cat.": "Ton chat."}


def translate(sources):
    return [TRANSLATIONS[source] for source in sources]


def test_everyday_sentences_are_counted_by_group():
    judgement = judge_everyday(SENTENCES, translate, WordList([]))
    assert (judgement["accepted"], judgement["sentences"]) == (2, 3)
    assert judgement["groups"] == {
        "a": {"accepted": 1, "sentences": 2},
        "b": {"accepted": 1, "sentences": 1},
    }
    assert judgement["failures"] == {"Good.": "Goude goude."}
    assert judgement["invented"] == {"Goude": 1, "goude": 1}
    assert judgement["repeats"] == {"goude": 1}
    assert judgement["address"] == {"tu": 1}


def test_pairs_have_scores_with_their_signatures():
    pytest.importorskip("sacrebleu")
    pairs = PairSet("x", ("Yes.", "Your cat."), ("Oui.", "Ton chat."), 7)
    judgement = judge_pairs(pairs, translate, WordList([]))
    assert (judgement["lines"], judgement["lines_of_the_file"]) == (2, 7)
    assert judgement["chrf"]["value"] == pytest.approx(100)
    assert "tok:13a" in judgement["bleu"]["signature"]
    assert judgement["invented"] == {}
    assert (judgement["long"], judgement["empty"]) == (0, 0)
