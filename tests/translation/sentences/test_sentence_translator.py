"""A sentence is made once: how often its texts are encoded on the way to its translation."""

from __future__ import annotations

import pytest

from clearhead.text.tokenizer import Tokenizer
from clearhead.translation.sentences.segments import Piece


@pytest.fixture
def encoded(monkeypatch):
    """The texts that any tokenizer encodes from now on, words counted for reading left out."""
    texts = []
    encode = Tokenizer.encode

    def recorder(self, text):
        if " " in text:
            texts.append(text)
        return encode(self, text)

    monkeypatch.setattr(Tokenizer, "encode", recorder)
    return texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # What no rule changes is encoded once, by the limit of its length.
        ("Where is the station?", ["Where is the station?"]),
        # What a rule changes is another text to the model, and is encoded as that.
        ("I love tea", ["I love tea", "I love tea."]),
    ],
)
def test_a_sentence_is_encoded_once(translator, encoded, text, expected):
    translator.translate(text, alignment=True, max_length=8)
    assert encoded == expected


def test_a_sentence_with_stand_ins_is_encoded_once_more(translator, encoded):
    translator.translate("Hello {name}, where is it?", max_length=8, beam_size=1)
    assert encoded[:2] == ["Hello {name}, where is it?", "Hello Tom, where is it?"]
    assert len(encoded) == len(set(encoded))


def test_a_sentence_carries_the_ids_of_what_the_model_reads(translator):
    sentence_translator = translator._sentence_translator
    piece = Piece("I <b>love</b> tea", True, ids=(1, 2, 3))
    sentence = sentence_translator.sentence(piece)
    assert (sentence.text, sentence.reading.text) == ("I <b>love</b> tea", "I love tea.")
    assert sentence.parts[0].ids == tuple(translator.tokenizer.encode("I love tea."))
    as_typed = sentence_translator.sentence(piece, adapt=False)
    assert (as_typed.reading.text, as_typed.parts[0].ids) == (piece.text, piece.ids)
