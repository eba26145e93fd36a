"""What a tokenizer of someone else's model can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class PretrainedTokenizer(Protocol):
    """Text to token ids and back; ids are those of the model."""

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""

    @property
    def special_ids(self) -> frozenset[int]:
        """The ids that stand for no text, such as padding or an end."""

    @property
    def roles(self) -> Mapping[str, int]:
        """The ids of special tokens by what they are for.

        The names are ``start end padding unknown mask separator class``, those that there are.
        """

    @property
    def languages(self) -> Mapping[str, int]:
        """The ids of the tokens that name a language, by its code; empty where there are none."""

    def encode(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids of a text, with the special tokens that the model expects.

        Args:
            text: any text.
            language: what it is in, for a tokenizer that has ``languages``; None means the one
                that its files name.

        Raises:
            TextError: the text holds half a character, the tokenizer knows no such language, or
                the model has no such ids.
        """

    def encode_plain(self, text: str) -> list[int]:
        """Return the ids of a text alone; see `encode`."""

    def encode_target(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids that the decoder of a translator should give for a text; see `encode`."""

    def encode_pair(self, first: str, second: str) -> tuple[list[int], list[int]]:
        """Return the ids of two texts as one input, and the token type of each id (0 or 1)."""

    def decode(self, ids: Sequence[int], *, skip_special: bool = True) -> str:
        """Return the text of ids.

        Raises:
            TextError: there is no such id.
        """

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each token by itself, printable, ``▁`` for a space.

        A token of single bytes that are no character is written ``<0xE2>``, as in a vocabulary.

        Raises:
            TextError: there is no such id.
        """

    def id_of(self, piece: str) -> int | None:
        """Return the id of a token as its file writes it, or None."""
