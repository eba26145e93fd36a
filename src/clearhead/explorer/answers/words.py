"""Vocabulary entries for a swap: those that a text is made of, then those that begin like it."""

from __future__ import annotations

from functools import cached_property

from ...errors import ConfigError
from ...text.tokenizer import FIRST_LEARNT, SPACE, Tokenizer

MOST = 20


class Vocabulary:
    """A tokenizer's entries, to be searched by what is typed.

    Args:
        tokenizer: whose entries they are.
        longest: characters that a search may have.
    """

    def __init__(self, tokenizer: Tokenizer, longest: int) -> None:
        self.tokenizer, self.longest = tokenizer, longest

    @cached_property
    def _pieces(self) -> list[tuple[str, int]]:
        """What each learnt entry reads as, in small letters, with its id: shortest first."""
        learnt = range(FIRST_LEARNT, self.tokenizer.vocab_size)
        pieces = self.tokenizer.pieces(learnt)
        read = [(piece.casefold(), token) for piece, token in zip(pieces, learnt, strict=True)]
        return sorted(read, key=lambda entry: (len(entry[0]), entry[1]))

    def find(self, query: str) -> list[int]:
        """Up to 20 ids for what was typed.

        First come the tokens that the text is made of, as the tokenizer cuts it; then entries
        that begin with it, at the beginning of a word before those within one, short ones
        first and regardless of case.

        Raises:
            ConfigError: the query is too long.
            TextError: it holds half of a character.
        """
        if len(query) > self.longest:
            raise ConfigError(
                f"query may have {self.longest} characters; it has {len(query)}. Type the "
                f"beginning of a word."
            )
        query = query.strip()
        if not query:
            return []
        found = dict.fromkeys(self.tokenizer.encode(query))
        typed = query.casefold().replace(" ", SPACE)
        for beginning in (SPACE + typed, typed):
            found |= dict.fromkeys(
                token for piece, token in self._pieces if piece.startswith(beginning)
            )
        return list(found)[:MOST]
