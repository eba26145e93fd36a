"""Vocabulary entries for a swap: those that a text is made of, then those that begin like it."""

from __future__ import annotations

from functools import cached_property

from ...text.tokenizer import FIRST_LEARNT, SPACE, Tokenizer

MOST = 20


class Vocabulary:
    """A tokenizer's entries, to be searched by what is typed.

    Args:
        tokenizer: whose entries they are.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    @cached_property
    def _pieces(self) -> list[tuple[str, int]]:
        """What each learnt entry reads as, in lower case, with its id: shortest first."""
        learnt = range(FIRST_LEARNT, self.tokenizer.vocab_size)
        pieces = self.tokenizer.pieces(learnt)
        read = [(piece.casefold(), token) for piece, token in zip(pieces, learnt, strict=True)]
        return sorted(read, key=lambda entry: (len(entry[0]), entry[1]))

    def find(self, query: str) -> list[int]:
        """Return up to 20 ids for what was typed.

        First come the tokens that the text is made of, as the tokenizer cuts it; then entries
        that begin with it, at the beginning of a word before those within one, short ones
        first and regardless of case.

        Raises:
            TextError: the query holds half of a character.
        """
        query = query.strip()
        if not query:
            return []
        ids = dict.fromkeys(self.tokenizer.encode(query))
        prefix = query.casefold().replace(" ", SPACE)
        for beginning in (SPACE + prefix, prefix):
            ids |= dict.fromkeys(
                token for piece, token in self._pieces if piece.startswith(beginning)
            )
        return list(ids)[:MOST]
