"""Gives our tokenizer the interface of other models' tokenizers, with the special tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..config import TransformerConfig
from ..errors import TextError
from ..text.tokenizer import SPACE, Tokenizer


class OwnTokenizer:
    """A `clearhead.pretrained.tokenizers.protocol.PretrainedTokenizer` for a model of ours.

    A source ends with the end token; a prompt, for a model without an encoder, begins with the
    start token; the text of a classifier has both.

    Args:
        tokenizer: the model's tokenizer.
        config: the model's config.
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
            TextError: the text holds a lone surrogate, or a language is named.
        """
        if language is not None:
            raise TextError(f"A model of clearhead has no tokens for languages; {language} came.")
        ids = self._tokenizer.encode(text)
        start = [self._tokenizer.start_id] * self._begins
        return [*start, *ids, *[self._tokenizer.end_id] * self._ends]

    def encode_plain(self, text: str) -> list[int]:
        """Return the ids of a text without special tokens; see `encode`."""
        return self._tokenizer.encode(text)

    def encode_target(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids that a translator's decoder should generate for a text."""
        return [*self._tokenizer.encode(text), self._tokenizer.end_id]

    def encode_pair(self, first: str, second: str) -> tuple[list[int], list[int]]:
        """Refuse a pair of texts, which no model of ours reads as one input.

        Raises:
            TextError: always.
        """
        raise TextError("A model of clearhead reads one text at a time.")

    def decode(self, ids: Sequence[int], *, skip_special: bool = True) -> str:
        """Return the text of ids; special tokens are always left out.

        In a model that continues prompts, ids without a start token are a continuation, and keep
        their leading space.
        """
        text = self._tokenizer.decode(ids)
        first = next((i for i in ids if i not in self.special_ids), None)
        if self._ends or first is None or self._tokenizer.start_id in ids[:1]:
            return text
        return " " * self._tokenizer.pieces([first])[0].startswith(SPACE) + text

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each token in printable form, with ``▁`` for a space."""
        return self._tokenizer.pieces(ids)

    def id_of(self, piece: str) -> int | None:
        """Return the id of a token in its vocabulary's spelling, or None."""
        pieces = self._tokenizer.pieces(range(self.vocab_size))
        return pieces.index(piece) if piece in pieces else None
