"""Text as its tokens come, in pieces that do not end in the middle of a character."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence

_INCOMPLETE = "\N{REPLACEMENT CHARACTER}"


class TextStream:
    """Turns tokens into text, piece by piece; all pieces together are the text of all tokens.

    A token may end within a character (byte-level pieces) or decide about the space before it
    (SentencePiece), so all tokens so far are decoded each time, and what is new is handed out. A
    character that lacks bytes shows as U+FFFD at the end of the text, and is held back until
    later tokens complete it, or no more come.

    Args:
        decode: returns the text of token ids, as a tokenizer's ``decode``.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._tokens: list[int] = []
        self._text = ""  # what has been handed out

    def add(self, token: int) -> str:
        """Take in a token, and return the text that is complete now; often empty."""
        self._tokens.append(token)
        text = self._decode(self._tokens).rstrip(_INCOMPLETE)
        # A decoder that tidies up spaces may change its mind: then wait until it is settled.
        if not text.startswith(self._text):
            return ""
        piece, self._text = text[len(self._text) :], text
        return piece

    def end(self) -> str:
        """Return what was held back, complete or not."""
        text = self._decode(self._tokens)
        pairs = zip(text, self._text, strict=False)
        piece = text[sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)) :]
        self._text = text
        return piece


def stream_text(decode: Callable[[Sequence[int]], str], tokens: Iterable[int]) -> Iterator[str]:
    """Yield the text of tokens, as they come, in pieces of whole characters.

    Args:
        decode: returns the text of token ids.
        tokens: ids without those that are no text, such as an end token.
    """
    pieces = TextStream(decode)
    for token in tokens:
        if piece := pieces.add(token):
            yield piece
    if piece := pieces.end():
        yield piece
