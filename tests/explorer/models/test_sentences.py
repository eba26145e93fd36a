"""A long text is cut as the translator cuts it, and one of its sentences is walked."""

from __future__ import annotations

import pytest

from clearhead.errors import ConfigError, TextError
from clearhead.explorer.contract.questions import RunQuestion
from clearhead.explorer.models.sentences import protected_note, sentence_number, split_into_pieces

TEXT = "\n The man walks. \nWhere is the house?"


def test_a_text_is_cut_as_the_translator_cuts_it(explorer):
    translator = explorer.models.translator
    pieces = split_into_pieces(translator, TEXT)
    assert pieces == translator.split(TEXT)
    assert [piece.text for piece in pieces if piece.translate] == [
        "The man walks.",
        "Where is the house?",
    ]
    with pytest.raises(TextError, match="nothing to translate"):
        split_into_pieces(translator, "12:30")


def test_what_is_no_sentence_moves_on_to_the_next_one_or_back_to_the_last(explorer):
    pieces = split_into_pieces(explorer.models.translator, TEXT + "\n")
    first, last = (place for place, piece in enumerate(pieces) if piece.translate)
    assert sentence_number(pieces, 0) == first
    assert sentence_number(pieces, first + 1) == last
    assert sentence_number(pieces, len(pieces) - 1) == last
    with pytest.raises(ConfigError, match=rf"cut into {len(pieces)} pieces, .* it is -1"):
        sentence_number(pieces, -1)


def test_a_note_tells_of_another_translation_alone(explorer):
    translator = explorer.models.translator
    greedy = RunQuestion(beam_size=1)
    assert protected_note(translator, "The man walks.", "anything", greedy) is None
    sentence = "The man {name} walks."
    translation = translator.translate(sentence, split=False, beam_size=1).text
    assert protected_note(translator, sentence, translation, greedy) is None
    note = protected_note(translator, sentence, "la maison", greedy)
    assert (note["kind"], note["translation"]) == ("protected", translation)
