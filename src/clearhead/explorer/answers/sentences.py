"""A long text as the sentences that it is translated in; one of them is walked at a time."""

from __future__ import annotations

from ...errors import ConfigError
from ...translation.protected import attempts
from ...translation.rules.characters import plain_characters
from ...translation.segments import Piece, check_letters, fit, split_text
from ...translation.translator import Translator
from ..contract.run_answers import ProtectedNote


def pieces_of(translator: Translator, text: str) -> list[Piece]:
    """The pieces that the translator cuts a text into; joined, they are the text.

    Raises:
        TextError: the text holds half of a character, or nothing that would be translated.
    """

    def length(part: str) -> int:
        return len(translator.tokenizer.encode(plain_characters(part)))

    check_letters(text)
    pieces: list[Piece] = []
    for piece in split_text(text):
        if piece.translate:
            pieces += fit(piece.text, translator.longest_source, length)
        else:
            pieces.append(piece)
    return pieces


def walked(pieces: list[Piece], asked: int) -> int:
    """The number of the piece that is walked: the one asked for, or else the next sentence.

    Raises:
        ConfigError: there is no piece of this number.
    """
    if not 0 <= asked < len(pieces):
        raise ConfigError(
            f"This text is cut into {len(pieces)} piece{'s' * (len(pieces) != 1)}, so sentence "
            f"must be between 0 and {len(pieces) - 1}; it is {asked}."
        )
    sentences = [number for number, piece in enumerate(pieces) if piece.translate]
    return next((number for number in sentences if number >= asked), sentences[-1])


def protected_note(
    translator: Translator, sentence: str, translation: str, beam_size: int
) -> ProtectedNote | None:
    """Says where translating would give another text, to keep placeholders or numbers.

    The walk shows what the model makes of the sentence as it is. `Translator.translate` may put
    stand-ins for placeholders into it, take a lower hypothesis or translate it in parts.
    """
    first = next(attempts(sentence))
    plain = first.pieces == (Piece(sentence, True),) and not first.restore
    if plain and first.result(sentence, translation) is not None:
        return None
    kept = translator.translate(sentence, split=False, beam_size=beam_size).text
    if kept == translation:
        return None
    return {"kind": "protected", "translation": kept}
