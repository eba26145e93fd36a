"""Tokenizers that use the SentencePiece library: Marian's and M2M100's.

Their ids come from vocab.json. Marian has one SentencePiece model for each side.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import CheckpointError, require
from ...file_reading import FileProblem, read_bytes
from ...text.surrogates import refuse_surrogates
from ...visible import visible
from .building import read_vocabulary
from .languages import M2M100_LANGUAGES, Languages
from .library_tokenizer import check_ids, tidy
from .pieces import SPACE, readable
from .sentencepiece_file import read_sentencepiece
from .settings import MOST_BYTES, TokenizerSettings

_MARIAN_LANGUAGE = re.compile(r">>(.+)<<")
_TOKENS = {"end": "</s>", "padding": "<pad>", "unknown": "<unk>"}


class SentencePieceTokenizer:
    """A `PretrainedTokenizer` of SentencePiece models and a vocabulary of its own.

    Args:
        source, target: the SentencePiece models for sources and targets.
        vocabulary: the ids of the pieces.
        settings: from the files in the folder.
        languages: the languages that it knows.
        leading: whether ``>>fra<<`` at the beginning of a text is one piece.

    Raises:
        CheckpointError: the vocabulary lacks a special token.
    """

    def __init__(
        self,
        source: Any,
        target: Any,
        vocabulary: Mapping[str, int],
        settings: TokenizerSettings,
        languages: Languages,
        *,
        leading: bool,
    ) -> None:
        self._source, self._target, self._leading = source, target, leading
        self._language_choice = languages
        tokens = {**_TOKENS, **settings.tokens}
        lacking = [tokens[role] for role in ("unknown", "end") if tokens[role] not in vocabulary]
        if lacking:
            raise CheckpointError(
                f"The tokenizer's vocab.json lacks {', '.join(map(visible, lacking))}. It is that "
                f"of another tokenizer: get the tokenizer's files again."
            )
        self._ids = dict(vocabulary)
        outside = set(languages.ids.values()) if not leading else set()
        self.base_size = max(set(vocabulary.values()) - outside) + 1
        for token in [*tokens.values(), *settings.others]:
            self._ids.setdefault(token, max(self._ids.values()) + 1)
        self._texts = {i: piece for piece, i in self._ids.items()}
        self._roles = {role: self._ids[token] for role, token in tokens.items()}
        special = [*tokens.values(), *settings.others]
        self._special = frozenset(special)
        self._special_ids = frozenset(self._ids[token] for token in special)
        additions = {token.content: i for i, token in settings.additions.items()}
        for text, i in additions.items():
            self._texts.setdefault(self._ids.setdefault(text, i), text)
        whole = filter(None, self._special | additions.keys())
        longest_first = sorted(whole, key=len, reverse=True)
        self._cuts = re.compile(f"({'|'.join(map(re.escape, longest_first))})")
        self._tidy = settings.flag("clean_up_tokenization_spaces", False)

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""
        return max(self._texts) + 1

    @property
    def special_ids(self) -> frozenset[int]:
        """The ids of tokens that are not text."""
        # Marian's language tokens are a part of the text, in transformers too.
        return self._special_ids | frozenset(() if self._leading else self.languages.values())

    @property
    def roles(self) -> Mapping[str, int]:
        """The ids of special tokens, by role."""
        return self._roles

    @property
    def languages(self) -> Mapping[str, int]:
        """The ids of language tokens, by language code."""
        return self._language_choice.ids

    def encode(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids of a source, with special tokens; see `PretrainedTokenizer.encode`."""
        ids = self.encode_plain(text)
        return self._language_choice.around(ids, language, self._roles["end"])

    def encode_plain(self, text: str) -> list[int]:
        """Return the ids of a source without special tokens."""
        return self._ids_of(text, self._source)

    def encode_target(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids that the decoder should generate for a text."""
        ids = self._ids_of(text, self._target)
        if self._leading:
            return [*ids, self._roles["end"]]
        language = language or self._language_choice.target
        return self._language_choice.around(ids, language, self._roles["end"])

    def encode_pair(self, first: str, second: str) -> tuple[list[int], list[int]]:
        """Return the ids of two texts as one input, and zeros: there is only one token type."""
        ids = [*self.encode_plain(first), *self.encode_plain(second)]
        ids = self._language_choice.around(ids, None, self._roles["end"])
        return ids, [0] * len(ids)

    def _ids_of(self, text: str, model: Any) -> list[int]:
        refuse_surrogates(text)
        pieces: list[str] = []
        for i, part in enumerate(self._cuts.split(text)):
            if i % 2:
                pieces.append(part)  # a special token
            elif part:
                pieces += self._pieces_of(part, model)
        unknown = self._roles["unknown"]
        return [self._ids.get(piece, unknown) for piece in pieces]

    def _pieces_of(self, text: str, model: Any) -> list[str]:
        end = text.find("<<") + 2 if self._leading and text.startswith(">>") else 1
        code, text = ([text[:end]], text[end:]) if end > 1 else ([], text)
        return [*code, *model.encode(text, out_type=str)]

    def decode(self, ids: Sequence[int], *, skip_special: bool = True) -> str:
        """Return the text of ids; as in transformers, the source's model joins the pieces."""
        check_ids(ids, self.vocab_size)
        skip = self.special_ids if skip_special else frozenset()
        pieces = [self._piece(i) for i in ids if i not in skip]
        text, run = "", list[str]()
        for piece in pieces:
            if piece in self._special:
                text += self._source.decode_pieces(run) + piece + (" " if self._leading else "")
                run = []
            else:
                run.append(piece)
        text += self._source.decode_pieces(run)
        if self._leading:
            text = text.replace(SPACE, " ")
        text = text.strip()
        return tidy(text) if self._tidy else text

    def _piece(self, i: int) -> str:
        return self._texts.get(i, self._texts[self._roles["unknown"]])

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each token in printable form."""
        check_ids(ids, self.vocab_size)
        return [readable(self._piece(i)) for i in ids]

    def id_of(self, piece: str) -> int | None:
        """Return the id of a token in its file's spelling, or None."""
        return self._ids.get(piece)


def marian_tokenizer(folder: Path, settings: TokenizerSettings) -> SentencePieceTokenizer:
    """Return the tokenizer of a Marian model (OPUS-MT).

    Raises:
        CheckpointError: a file is missing, damaged, or of another kind.
        MissingExtraError: the SentencePiece library is not installed.
    """
    if settings.flag("separate_vocabs", False):
        raise CheckpointError(
            f"{folder}: the tokenizer has a vocabulary for each side (separate_vocabs), which is "
            f"not read here: the models that are read have one embedding for both."
        )
    source = _model(folder / "source.spm")
    target = _model(folder / "target.spm")
    vocabulary = read_vocabulary(folder / "vocab.json")
    matches = {piece: _MARIAN_LANGUAGE.fullmatch(piece) for piece in vocabulary}
    codes = {match[1]: vocabulary[piece] for piece, match in matches.items() if match}
    languages = Languages(codes, before=True)
    return SentencePieceTokenizer(source, target, vocabulary, settings, languages, leading=True)


def m2m_100_tokenizer(folder: Path, settings: TokenizerSettings) -> SentencePieceTokenizer:
    """Return the tokenizer of an M2M100 model, whose language tokens follow the vocabulary.

    Raises:
        CheckpointError: as `marian_tokenizer`, or its languages are unknown.
        MissingExtraError: as `marian_tokenizer`.
    """
    model = _model(folder / "sentencepiece.bpe.model")
    vocabulary = read_vocabulary(folder / "vocab.json")
    kind = settings.text("language_codes", "m2m100")
    if kind not in M2M100_LANGUAGES:
        raise CheckpointError(
            f"{folder}: the tokenizer's language_codes are {visible(kind)[:80]!r}; known here are "
            f"{', '.join(M2M100_LANGUAGES)}."
        )
    codes = {code: len(vocabulary) + i for i, code in enumerate(M2M100_LANGUAGES[kind])}
    languages = Languages(
        codes,
        before=True,
        source=settings.text("src_lang", "en"),
        target=settings.text("tgt_lang", settings.text("src_lang", "en")),
    )
    tokens = {f"__{code}__": i for code, i in codes.items()}
    own = {"start": "<s>", "separator": "</s>"}
    own = {role: token for role, token in own.items() if token in vocabulary}
    settings = dataclasses.replace(settings, tokens={**own, **settings.tokens})
    return SentencePieceTokenizer(
        model, model, {**vocabulary, **tokens}, settings, languages, leading=False
    )


def _model(path: Path) -> Any:
    """Return the library's processor for a file, after checking the file."""
    library = require(
        "sentencepiece", extra="sentencepiece", purpose=f"The tokenizer of {path.parent}"
    )
    read_sentencepiece(path)
    model = library.SentencePieceProcessor()
    try:
        model.LoadFromSerializedProto(read_bytes(path, most=MOST_BYTES))
    except (FileProblem, OSError, RuntimeError, ValueError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise CheckpointError(
            f"Cannot read the tokenizer {path}: {visible(lines[0])[:200]}. Get the tokenizer's "
            f"files again."
        ) from error
    return model
