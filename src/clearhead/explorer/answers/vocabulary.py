"""Entries of the vocabulary: those that a text is made of, then those that begin like it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ...errors import ConfigError
from ...text.tokenizer import FIRST_LEARNT, SPACE, Tokenizer
from ..models.walked_model import WalkedModel

MOST = 20


class Vocabulary:
    """The entries of a model's tokenizer, to be searched by what is typed.

    Args:
        model: whose entries they are.
    """

    def __init__(self, model: WalkedModel) -> None:
        self._model = model

    @cached_property
    def _pieces(self) -> list[tuple[str, int]]:
        """What each learnt entry reads as, in lower case, with its id: shortest first."""
        tokenizer, special = self._model.tokenizer, self._model.special_ids
        first = FIRST_LEARNT if isinstance(tokenizer, Tokenizer) else 0
        learnt = [token for token in range(first, tokenizer.vocab_size) if token not in special]
        pieces = tokenizer.pieces(learnt)
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
        ids = dict.fromkeys(self._model.encode_words(query))
        prefix = query.casefold().replace(" ", SPACE)
        for beginning in (SPACE + prefix, prefix):
            ids |= dict.fromkeys(
                token for piece, token in self._pieces if piece.startswith(beginning)
            )
        return list(ids)[:MOST]

    def check(self, ids: Sequence[int]) -> list[int]:
        """Return ids that are entries.

        Raises:
            ConfigError: one is none.
        """
        size = self._model.tokenizer.vocab_size
        if outside := [token for token in ids if token >= size]:
            raise ConfigError(
                f"ids must be entries of the vocabulary, 0 to {size - 1}; one is {outside[0]}."
            )
        return list(ids)
