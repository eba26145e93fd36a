"""Scores come with what they mean, and equal what can be worked out by hand."""

from __future__ import annotations

import math

import pytest

from clearhead.errors import CorpusError, MissingExtraError
from clearhead.translation import score as score_module
from clearhead.translation.score import MULTI30K, Preparation, scores, tokenised_bleu

REFERENCES = ["Un homme marche dans la rue .", "Deux chiens jouent dans la neige blanche ."]


def test_a_perfect_translation_has_full_marks_and_signatures():
    bleu, chrf = scores(REFERENCES, REFERENCES)
    assert bleu.value == pytest.approx(100)
    assert chrf.value == pytest.approx(100)
    assert "case:mixed" in bleu.signature
    assert "tok:13a" in bleu.signature
    assert "version:" in bleu.signature
    assert chrf.name == "chrF2"
    assert "nc:6|nw:0" in chrf.signature


def test_case_and_tokenizer_are_in_the_signature_and_count():
    shouted = [text.upper() for text in REFERENCES]
    assert scores(shouted, REFERENCES)[0].value < 20
    bleu, chrf = scores(shouted, REFERENCES, lowercase=True, tokenize="char")
    assert bleu.value == pytest.approx(100)
    assert "case:lc" in bleu.signature
    assert "tok:char" in bleu.signature
    assert "case:lc" in chrf.signature


def test_tokenised_bleu_by_hand():
    # 8 tokens against 9: 7/8, 5/7, 3/6 and 2/5 n-grams match, and the output is too short.
    hypothesis, reference = "a b c d e x g h", "a b c d e f g h i"
    score = tokenised_bleu([hypothesis], [reference], Preparation(None))
    mean = math.exp(sum(map(math.log, (7 / 8, 5 / 7, 3 / 6, 2 / 5))) / 4)
    assert score.value == pytest.approx(100 * mean * math.exp(1 - 9 / 8), abs=1e-6)
    assert score.signature.startswith("prepared:none|nrefs:1|case:mixed|")
    assert "tok:none|smooth:none" in score.signature


def test_without_a_matching_4_gram_tokenised_bleu_is_zero():
    assert tokenised_bleu(["a b c x"], ["a b c d"], Preparation(None)).value == 0


def test_the_papers_preparation_of_multi30k():
    pytest.importorskip("sacremoses")
    (tokens,) = MULTI30K["de"].apply(["Ein „alter“ Mann, der T-Shirts trägt: 1,50 &amp; mehr!"])
    assert tokens == 'ein " alter " mann , der t-shirts trägt : 1,50 & amp ; mehr !'
    assert str(MULTI30K["fr"]).startswith(
        "prepared:lowercase+normalise-punctuation+moses-tokenize-fr|sacremoses:"
    )
    score = tokenised_bleu(["UN homme marche dans la rue."], REFERENCES[:1], MULTI30K["fr"])
    assert score.value == pytest.approx(100)


def test_prepared_tokens_may_be_lowercased():
    assert str(Preparation(None, lowercase=True)) == "prepared:lowercase"
    lowered = tokenised_bleu(["A B C D"], ["a b c d"], Preparation(None, lowercase=True))
    assert lowered.value == pytest.approx(100)


@pytest.mark.parametrize("function", [scores, lambda a, b: tokenised_bleu(a, b, Preparation(None))])
def test_what_cannot_be_scored(function):
    with pytest.raises(CorpusError, match="there are 1 hypotheses and 2 references"):
        function(["one"], REFERENCES)
    with pytest.raises(CorpusError, match="There is nothing to score"):
        function([], [])


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sacrebleu", None)
    with pytest.raises(MissingExtraError, match=r'pip install "clearhead\[evaluate\]"'):
        scores(["a"], ["a"])
    assert score_module.MULTI30K.keys() == {"de", "fr"}
