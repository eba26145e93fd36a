"""Splits a long text into the sentences that are translated; one at a time is walked."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ConfigError
from ...translation.rules.languages.choice import source_and_target
from ...translation.rules.reading import Reading
from ...translation.sentences.attempts import attempts, complete
from ...translation.sentences.segments import Piece, check_letters
from ...translation.sentences.sentence import Sentence
from ...translation.translator import Translator
from ..contract.questions import RunQuestion
from ..contract.run_answers import ProtectedNote


def split_into_pieces(translator: Translator, text: str) -> list[Piece]:
    """Return the pieces that the translator cuts a text into; joined, they are the text.

    Raises:
        TextError: the text holds a lone surrogate, or nothing to translate.
    """
    pieces = translator.split(text)
    check_letters(text, pieces)
    return pieces


def sentence_number(pieces: Sequence[Piece], number: int) -> int:
    """Return the number of the piece to walk: the given one, or the next that is a sentence.

    Raises:
        ConfigError: there is no piece of this number.
    """
    if not 0 <= number < len(pieces):
        raise ConfigError(
            f"This text is cut into {len(pieces)} piece{'s' * (len(pieces) != 1)}, so sentence "
            f"must be between 0 and {len(pieces) - 1}; it is {number}."
        )
    sentences = [place for place, piece in enumerate(pieces) if piece.translate]
    return next((place for place in sentences if place >= number), sentences[-1])


def protected_note(
    translator: Translator, read: str, translation: str, request: RunQuestion
) -> ProtectedNote | None:
    """Return a note if the translator's result differs, to keep placeholders or numbers.

    The walk shows the model's result for the sentence as it is. `Translator.translate` may replace
    placeholders by stand-ins, take a lower hypothesis, or translate the sentence in parts.

    Args:
        translator: of the model.
        read: the sentence as the model reads it.
        translation: of the walk.
        request: of the walk.
    """
    language, _ = source_and_target(translator.languages)
    reading = Reading(read, read, language=language)
    first = next(attempts(Sentence(read, reading, parts=(Piece(read, True),))))
    if not first.stand_ins and complete(first, translation) is not None:
        return None
    protected_translation = translator.translate(
        read, split=False, beam_size=request.beam_size, register=request.formality
    ).text
    if protected_translation == translation:
        return None
    return {"kind": "protected", "translation": protected_translation}
