"""The interface of other models' tokenizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class PretrainedTokenizer(Protocol):
    """Turns text into the token ids of a model, and back."""

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""

    @property
    def special_ids(self) -> frozenset[int]:
        """The ids of tokens that are not text, such as padding or an end token."""

    @property
    def roles(self) -> Mapping[str, int]:
        """The ids of special tokens, by role.

        The roles are ``start end padding unknown mask separator class``, as far as they exist.
        """

    @property
    def languages(self) -> Mapping[str, int]:
        """The ids of language tokens, by language code; empty if there are none."""

    def encode(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids of a text, with the special tokens that the model expects.

        Args:
            text: any text.
            language: the language of the text, for a tokenizer with ``languages``; None means the
                default in its files.

        Raises:
            TextError: the text holds a lone surrogate, the tokenizer knows no such language, or
                the model has no such ids.
        """

    def encode_plain(self, text: str) -> list[int]:
        """Return the ids of a text without special tokens; see `encode`."""

    def encode_target(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids that a translator's decoder should generate for a text; see `encode`."""

    def encode_pair(self, first: str, second: str) -> tuple[list[int], list[int]]:
        """Return the ids of two texts as one input, and the token type of each id (0 or 1)."""

    def decode(self, ids: Sequence[int], *, skip_special: bool = True) -> str:
        """Return the text of ids.

        Raises:
            TextError: there is no such id.
        """

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each token in printable form, with ``▁`` for a space.

        A token of bytes that form no character is written ``<0xE2>``, as in a vocabulary.

        Raises:
            TextError: there is no such id.
        """

    def id_of(self, piece: str) -> int | None:
        """Return the id of a token in its file's spelling, or None."""
