"""Our tokenizer as the tokenizers of others are asked: with the special tokens of its model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..config import TransformerConfig
from ..errors import TextError
from ..text.tokenizer import SPACE, Tokenizer


class OwnTokenizer:
    """A `clearhead.pretrained.tokenizers.protocol.PretrainedTokenizer` of a model of ours.

    A source ends in the end token; a prompt, of a model without an encoder, begins with the start
    token; the text of a classifier does both.

    Args:
        tokenizer: of the model.
        config: of the model.
    """

    languages: Mapping[str, int] = {}

    def __init__(self, tokenizer: Tokenizer, config: TransformerConfig) -> None:
        self._tokenizer = tokenizer
        self._begins = config.encoder_layers == 0 or config.output.labels > 0
        self._ends = config.encoder_layers > 0
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
        start = [self._tokenizer.start_id] * self._begins
        return [*start, *ids, *[self._tokenizer.end_id] * self._ends]

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
        """Return the text of ids; special tokens are no text in any case.

        Where prompts are continued, ids without a start token are such a continuation, and keep the
        space that they begin with.
        """
        text = self._tokenizer.decode(ids)
        first = next((i for i in ids if i not in self.special_ids), None)
        if self._ends or first is None or self._tokenizer.start_id in ids[:1]:
            return text
        return " " * self._tokenizer.pieces([first])[0].startswith(SPACE) + text

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each token by itself, ``▁`` for a space."""
        return self._tokenizer.pieces(ids)

    def id_of(self, piece: str) -> int | None:
        """Return the id of a token as the vocabulary writes it, or None."""
        pieces = self._tokenizer.pieces(range(self.vocab_size))
        return pieces.index(piece) if piece in pieces else None
