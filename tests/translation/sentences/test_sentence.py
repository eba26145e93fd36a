from __future__ import annotations

from dataclasses import replace

from clearhead.translation.rules.reading import Reading
from clearhead.translation.sentences.segments import Piece
from clearhead.translation.sentences.sentence import Sentence

SENTENCE = Sentence("Go", Reading("Go", "Go."), parts=(Piece("Go.", True, ids=(7, 8)),))


def test_a_sentence_is_one_whatever_way_it_is_translated_in():
    parts = (Piece("Go", True), Piece(".", False))
    assert replace(SENTENCE, parts=parts, last=False) == SENTENCE
    assert hash(replace(SENTENCE, parts=parts)) == hash(SENTENCE)
    assert replace(SENTENCE, prefix=(9,)) != SENTENCE
    assert replace(SENTENCE, text="Go.") != SENTENCE


def test_a_sentence_is_whole_where_the_model_translates_it_at_once():
    assert SENTENCE.is_whole
    assert not replace(SENTENCE, parts=(Piece("Go", True), Piece(".", False))).is_whole
    assert not replace(SENTENCE, parts=(Piece("12", False),)).is_whole
