"""Searches the vocabulary: the tokens of a text, then entries that begin like it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ...errors import ConfigError
from ...text.tokenizer import FIRST_LEARNT, SPACE, Tokenizer
from ..models.walked_model import WalkedModel

MOST = 20


class Vocabulary:
    """The vocabulary of a model's tokenizer, searched by text.

    Args:
        model: the model.
    """

    def __init__(self, model: WalkedModel) -> None:
        self._model = model

    @cached_property
    def _pieces(self) -> list[tuple[str, int]]:
        """The lower-case text of each learnt entry, with its id: shortest first."""
        tokenizer, special = self._model.tokenizer, self._model.special_ids
        first = FIRST_LEARNT if isinstance(tokenizer, Tokenizer) else 0
        learnt = [token for token in range(first, tokenizer.vocab_size) if token not in special]
        pieces = tokenizer.pieces(learnt)
        read = [(piece.casefold(), token) for piece, token in zip(pieces, learnt, strict=True)]
        return sorted(read, key=lambda entry: (len(entry[0]), entry[1]))

    def find(self, query: str) -> list[int]:
        """Return up to 20 ids for a query.

        First come the query's own tokens; then entries that begin with it, regardless of case:
        those at the beginning of a word before those inside one, and short ones first.

        Raises:
            TextError: the query holds a lone surrogate.
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
        """Return ids, after checking that they are in the vocabulary.

        Raises:
            ConfigError: an id is not in the vocabulary.
        """
        size = self._model.tokenizer.vocab_size
        if outside := [token for token in ids if token >= size]:
            raise ConfigError(
                f"ids must be entries of the vocabulary, 0 to {size - 1}; one is {outside[0]}."
            )
        return list(ids)
