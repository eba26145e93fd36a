"""A lossless subword tokenizer, built on the tokenizers library.

Byte-pair encoding (Sennrich et al. 2016) with byte fallback: a character outside the learnt
alphabet becomes its UTF-8 bytes, one token each, so no character is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import tokenizers
from tokenizers import models, trainers

from ..errors import CheckpointError, ConfigError, TextError
from ..file_reading import FileProblem, parse_json
from ..files import write_whole
from .surrogates import SURROGATE, refuse_surrogates
from .tags import TAGS, tag_piece
from .tokenizer_file import BYTES, FIRST_LEARNT, SPACE, SPECIALS, core_of, read_core, set_splitting

__all__ = ["CHARACTERS", "FIRST_LEARNT", "SPACE", "Tokenizer"]

CHARACTERS = 400
"""How many characters training learns where nothing else is said."""

_FIRST_BYTE = len(SPECIALS)
_SPACE_BYTES = tuple(_FIRST_BYTE + byte for byte in SPACE.encode())
# The most ids of remembered words in total: some tens of megabytes.
_REMEMBERED_IDS = 1 << 19
_NEVER = 1 << 62  # no pair is seen so often


class Tokenizer:
    """Text to token ids and back.

    Ids 0, 1 and 2 are ``<pad>``, ``<s>`` and ``</s>``; 3 to 258 are bytes, of which those that
    UTF-8 never has are tags (`clearhead.text.tags`); then come learnt pieces, in which ``▁``
    stands for a space. ``decode(encode(text)) == text`` for every text that UTF-8 can hold.
    """

    pad_id, start_id, end_id = range(3)

    def __init__(self, core: tokenizers.Tokenizer) -> None:
        self._core = core
        pieces = [core.id_to_token(i) for i in range(core.get_vocab_size())]
        self._pieces = [piece for piece in pieces if piece is not None]
        if tuple(pieces[:FIRST_LEARNT]) != SPECIALS + BYTES or None in pieces:
            raise CheckpointError(
                "This tokenizer is not one of clearhead's: its first ids must be <pad>, <s>, </s> "
                "and the 256 bytes. Train one with clearhead.text.tokenizer.Tokenizer.train."
            )
        self._bytes = [b""] * _FIRST_BYTE + [bytes([value]) for value in range(256)]
        self._bytes += [piece.replace(SPACE, " ").encode() for piece in self._pieces[FIRST_LEARNT:]]
        for name, tag in TAGS.items():
            self._pieces[tag], self._bytes[tag] = tag_piece(name), b""
        self._remembered: dict[str, tuple[int, ...]] = {}
        self._remembered_ids = 0

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        min_frequency: int = 2,
        limit: int = CHARACTERS,
        characters: bool = False,
    ) -> Tokenizer:
        """Learn pieces from texts.

        Args:
            texts: read once, as a stream.
            vocab_size: number of ids, including the 259 of specials and bytes. There are fewer if
                the texts have too few pairs to merge, never more.
            min_frequency: a pair seen less often is not merged.
            limit: the most characters of the alphabet that get an id of their own.
            characters: learn only the alphabet, and merge nothing.

        Raises:
            ConfigError: ``vocab_size`` leaves no room for a learnt piece.
        """
        if vocab_size <= FIRST_LEARNT:
            raise ConfigError(
                f"vocab_size must be more than {FIRST_LEARNT} (three specials and 256 bytes); "
                f"it is {vocab_size}."
            )
        draft = tokenizers.Tokenizer(models.BPE())
        set_splitting(draft)
        trainer = trainers.BpeTrainer(
            vocab_size=vocab_size - 256,
            min_frequency=_NEVER if characters else min_frequency,
            limit_alphabet=min(limit, vocab_size - FIRST_LEARNT),
            special_tokens=list(SPECIALS),
            show_progress=False,
        )
        draft.train_from_iterator(map(_printable, texts), trainer)
        learnt = parse_json(draft.to_str())["model"]
        pieces = sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)[len(SPECIALS) :]
        vocabulary = {piece: i for i, piece in enumerate((*SPECIALS, *BYTES, *pieces))}
        merges = [tuple(pair) for pair in learnt["merges"]]
        return cls(core_of(vocabulary, merges))

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return len(self._pieces)

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a text, without start and end tokens.

        Raises:
            TextError: the text holds a lone surrogate, which is no character.
        """
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Encode several texts, faster than one by one with `encode`.

        Pieces have spaces only at their beginning, so words with the space before them are encoded
        independently, and their ids are remembered. The first word gets a space, too, so that it
        has the same pieces as elsewhere; `decode` removes it again.
        """
        words = [text.split(" ") if text and SPACE not in text else [] for text in texts]
        ids_of = self._remember(set().union(*words), texts).__getitem__
        return [
            self._encode_marks(text) if SPACE in text else list(chain(*map(ids_of, row)))
            for text, row in zip(texts, words, strict=True)
        ]

    def _remember(self, words: set[str], texts: Sequence[str]) -> dict[str, tuple[int, ...]]:
        """Return the ids of all words so far, including these words."""
        if self._remembered_ids > _REMEMBERED_IDS:
            self._remembered, self._remembered_ids = {}, 0
        ids_of = self._remembered
        new = list(words.difference(ids_of))
        if SURROGATE.search("\n".join(new)):
            for text in texts:
                refuse_surrogates(text)
        encoded = self._core.encode_batch_fast([" " + w for w in new], add_special_tokens=False)
        # The garbage collector ignores tuples of numbers, unlike lists.
        for word, encoding in zip(new, encoded, strict=True):
            ids_of[word] = tuple(encoding.ids)
        self._remembered_ids += sum(len(ids_of[word]) for word in new)
        return ids_of

    def _encode_marks(self, text: str) -> list[int]:
        """Encode a text that contains the space mark itself, which becomes its three bytes."""
        refuse_surrogates(text)
        ids: list[int] = []
        for i, part in enumerate(text.split(SPACE)):
            ids.extend(_SPACE_BYTES if i else ())
            start = " " if part and not i else ""
            ids.extend(self._core.encode(start + part, add_special_tokens=False).ids)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of token ids; specials and tags are dropped, broken UTF-8 becomes U+FFFD.

        Raises:
            TextError: an id is not in the vocabulary.
        """
        numbers = list(ids)
        if numbers and not 0 <= min(numbers) <= max(numbers) < len(self._bytes):
            raise TextError(
                f"Token ids run from 0 to {len(self._bytes) - 1} in this tokenizer; "
                f"{min(numbers)} to {max(numbers)} came. Decode with the tokenizer that encoded."
            )
        text = b"".join([self._bytes[i] for i in numbers]).decode("utf-8", errors="replace")
        return text.removeprefix(" ")

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Return each token as in the vocabulary, with ``▁`` for a space, and tags as ``<tu>``."""
        return [self._pieces[i] for i in ids]

    def to_json(self) -> str:
        """Return the tokenizer as the tokenizers library writes it."""
        return self._core.to_str()

    def save(self, path: str | Path) -> None:
        """Write the file that `load` reads."""
        write_whole(path, self.to_json())

    @classmethod
    def load(cls, path: str | Path) -> Tokenizer:
        """Read a saved tokenizer: its vocabulary and merges, and nothing else; see `read_core`.

        Raises:
            CheckpointError: the file is missing, damaged or another kind of tokenizer.
        """
        try:
            return cls(read_core(path))
        except FileProblem as error:
            raise CheckpointError(
                f"Cannot read the tokenizer {path}: {error.reason}. A tokenizer here is one that "
                f"clearhead.text.tokenizer.Tokenizer.train has made; get the file again."
            ) from error


def _printable(text: str) -> str:
    """Return a training text without characters that must not enter the alphabet."""
    return " " + SURROGATE.sub("", text).replace(SPACE, " ")
