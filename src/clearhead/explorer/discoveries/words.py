"""Groups the tokens of a text into words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..contract.first_screen.answers import Word
from ..contract.run_answers import Token

_BEGINS = ("▁", "Ġ")  # marks of a new word in SentencePiece and byte-level BPE
_GOES_ON = "##"  # mark of a word's continuation in WordPiece


@dataclass(frozen=True)
class Tokens:
    """Tokens of a text, and the way to decode them.

    Attributes:
        tokens: in the form of answers.
        decode: from ids to text.
        first: the position of the first token.
        signs: tokens that reveal which word mark the tokenizer uses; None for these tokens.
    """

    tokens: Sequence[Token]
    decode: Callable[[Sequence[int]], str]
    first: int = 0
    signs: Sequence[Token] | None = None

    def words(self) -> list[Word]:
        """Return the words; special tokens are left out, and punctuation is a word of its own.

        A word begins at the tokenizer's mark for it; without such a mark, every token is a word.
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
    """Return whether a token continues the word of the token before it."""
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
    """Return whether a piece is only punctuation; an apostrophe belongs to its word."""
    letters = piece.lstrip("▁Ġ")
    return bool(letters) and not any(one.isalnum() or one in "'’" for one in letters)
