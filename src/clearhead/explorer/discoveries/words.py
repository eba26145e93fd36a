"""Words of a text, each of one token or several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..contract.first_screen.answers import Word
from ..contract.run_answers import Token

_BEGINS = ("▁", "Ġ")  # what SentencePiece and byte-level BPE write for the space before a word
_GOES_ON = "##"  # what WordPiece writes before the rest of a word


@dataclass(frozen=True)
class Tokens:
    """Tokens of a text, and how their ids are written.

    Attributes:
        tokens: as answers have them.
        decode: from ids to text.
        first: position of the first of them.
        signs: tokens that show which sign the tokenizer writes for a new word; None for these.
    """

    tokens: Sequence[Token]
    decode: Callable[[Sequence[int]], str]
    first: int = 0
    signs: Sequence[Token] | None = None

    def words(self) -> list[Word]:
        """Return the words: special tokens are none, and a mark is a word of its own.

        A word begins where the tokenizer's sign for it stands; of a tokenizer without such a sign
        every token is a word.
        """
        words: list[Word] = []
        spans: list[list[int]] = []
        pieces = [token["piece"] for token in self.tokens]
        signs = [token["piece"] for token in (self.tokens if self.signs is None else self.signs)]
        begins = any(piece.startswith(_BEGINS) for piece in signs)
        goes_on = any(piece.startswith(_GOES_ON) for piece in signs)
        for place, token in enumerate(self.tokens):
            if token["special"]:
                continue
            joins = bool(spans) and spans[-1][-1] == place - 1
            joins = joins and _joins(pieces[place], pieces[place - 1], begins, goes_on)
            if joins:
                spans[-1].append(place)
            else:
                spans.append([place])
        for span in spans:
            text = self._text(span)
            start, stop = self.first + span[0], self.first + span[-1] + 1
            words.append({"text": text, "start": start, "stop": stop})
        return words

    def _text(self, span: Sequence[int]) -> str:
        text = self.decode([self.tokens[place]["id"] for place in span]).strip()
        pieces = "".join(self.tokens[place]["piece"] for place in span)
        return text or pieces.lstrip("▁Ġ") or pieces


def _joins(piece: str, before: str, begins: bool, goes_on: bool) -> bool:
    """Tell whether a token goes on with the word of the token before it."""
    if goes_on:
        return piece.startswith(_GOES_ON)
    if not begins or piece.startswith(_BEGINS):
        return False
    if _is_byte(piece) or _is_byte(before):
        return True
    return not _is_mark(piece) and not _is_mark(before)


def _is_byte(piece: str) -> bool:
    return piece.startswith("<0x") and piece.endswith(">")


def _is_mark(piece: str) -> bool:
    """Tell whether a piece is punctuation alone; an apostrophe belongs to its word."""
    letters = piece.lstrip("▁Ġ")
    return bool(letters) and not any(one.isalnum() or one in "'’" for one in letters)
