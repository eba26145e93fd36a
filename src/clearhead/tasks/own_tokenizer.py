"""Our tokenizer as the tokenizers of others are asked: with the special tokens of its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..config import TransformerConfig
from ..errors import TextError
from ..text.tokenizer import Tokenizer


class OwnTokenizer:
    """A `clearhead.pretrained.tokenizers.protocol.PretrainedTokenizer` of a model of ours.

    A source ends in the end token; a prompt, of a model without an encoder, begins with the start
    token.

    Args:
        tokenizer: of the model.
        config: of the model.
    """

    languages: Mapping[str, int] = {}

    def __init__(self, tokenizer: Tokenizer, config: TransformerConfig) -> None:
        self._tokenizer = tokenizer
        self._has_encoder = config.encoder_layers > 0
        self.roles = {
            "padding": tokenizer.pad_id,
            "start": tokenizer.start_id,
            "end": tokenizer.end_id,
        }
        self.special_ids = frozenset(self.roles.values())

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""
        return self._tokenizer.vocab_size

    def encode(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids of a text, with the special tokens that the model expects.

        Raises:
            TextError: the text holds half a character, or a language is named.
        """
        if language is not None:
            raise TextError(f"A model of clearhead has no tokens for languages; {language} came.")
        ids = self._tokenizer.encode(text)
        if self._has_encoder:
            return [*ids, self._tokenizer.end_id]
        return [self._tokenizer.start_id, *ids]

    def encode_plain(self, text: str) -> list[int]:
        """Return the ids of a text alone; see `encode`."""
        return self._tokenizer.encode(text)

    def encode_target(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids that the decoder of a translator should give for a text."""
        return [*self._tokenizer.encode(text), self._tokenizer.end_id]

    def encode_pair(self, first: str, second: str) -> tuple[list[int], list[int]]:
        """Refuse two texts, which no model of ours reads as one.

        Raises:
            TextError: always.
        """
        raise TextError("A model of clearhead reads one text at a time.")

    def decode(self, ids: Sequence[int], *, skip_special: bool = True) -> str:
        """Return the text of ids; special tokens are no text in any case."""
        return self._tokenizer.decode(ids)

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each token by itself, ``▁`` for a space."""
        return self._tokenizer.pieces(ids)

    def id_of(self, piece: str) -> int | None:
        """Return the id of a token as the vocabulary writes it, or None."""
        pieces = self._tokenizer.pieces(range(self.vocab_size))
        return pieces.index(piece) if piece in pieces else None
