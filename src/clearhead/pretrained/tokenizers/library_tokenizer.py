"""Tokenizers of the tokenizers library, with the special tokens that a model expects."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import tokenizers
from tokenizers import AddedToken, processors

from ...errors import CheckpointError, TextError
from ...text.surrogates import refuse_surrogates
from ...visible import quoted
from .languages import Languages
from .pieces import readable, readable_bytes
from .settings import TokenizerSettings

_CANNOT_CUT = "The tokenizer cannot cut a text"
_END_FLAGS = {"start": "add_bos_token", "end": "add_eos_token"}


class LibraryTokenizer:
    """A `PretrainedTokenizer` whose ids the tokenizers library computes.

    Args:
        core: the library's tokenizer; this object takes it over.
        settings: from the files in the folder: special tokens, and decoding.
        most_ids: the number of ids of the model.

    Raises:
        CheckpointError: the special tokens cannot be added to it.
    """

    def __init__(
        self, core: tokenizers.Tokenizer, settings: TokenizerSettings, most_ids: int
    ) -> None:
        core.no_truncation()  # the model refuses a text that is too long
        core.no_padding()
        self.base_size = _end_of_vocabulary(core)
        _add_tokens(core, settings)
        self._core, self._most_ids = core, most_ids
        tokens = core.get_added_tokens_decoder()
        self._special_ids = frozenset(i for i, token in tokens.items() if token.special)
        self._roles = {
            role: i
            for role, token in settings.tokens.items()
            if (i := core.token_to_id(token)) is not None
        }
        additions = (token.content for token in tokens.values())
        self._languages = Languages.of(settings, core.token_to_id, additions)
        if self._languages.ids and "end" not in self._roles:
            raise CheckpointError(
                "The tokenizer has languages and no eos_token, so no text can be ended. Get the "
                "tokenizer's files again."
            )
        self._end_size = max([self.base_size, *(i + 1 for i in tokens)])
        guarded(lambda: _set_ends(core, settings), "The special tokens of a tokenizer")
        self._readable = readable_bytes if bytes_level(core) else readable
        self._tidy = settings.flag("clean_up_tokenization_spaces", False) and (
            type(core.model).__name__ != "BPE"
        )

    @property
    def vocab_size(self) -> int:
        """One more than the largest id."""
        return self._end_size

    @property
    def special_ids(self) -> frozenset[int]:
        """The ids of tokens that are not text."""
        return self._special_ids

    @property
    def roles(self) -> Mapping[str, int]:
        """The ids of special tokens, by role."""
        return self._roles

    @property
    def languages(self) -> Mapping[str, int]:
        """The ids of language tokens, by language code."""
        return self._languages.ids

    def encode(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids of a text, with special tokens; see `PretrainedTokenizer.encode`."""
        if self._languages.ids or language is not None:
            return self._languages.around(
                self.encode_plain(text), language, self._roles.get("end", 0)
            )
        return self._ids(text, special=True)

    def encode_plain(self, text: str) -> list[int]:
        """Return the ids of a text without special tokens."""
        return self._ids(text, special=False)

    def encode_target(self, text: str, *, language: str | None = None) -> list[int]:
        """Return the ids that a translator's decoder should generate for a text."""
        if self._languages.ids or language is not None:
            language = language or self._languages.target
        return self.encode(text, language=language)

    def encode_pair(self, first: str, second: str) -> tuple[list[int], list[int]]:
        """Return the ids of two texts as one input, and the token type of each id."""
        if self._languages.ids:
            ids = [*self.encode_plain(first), *self.encode_plain(second)]
            ids = self._languages.around(ids, None, self._roles["end"])
            return ids, [0] * len(ids)
        refuse_surrogates(first)
        refuse_surrogates(second)
        encoding = guarded(lambda: self._core.encode(first, second), _CANNOT_CUT)
        return self._checked(encoding.ids), list(encoding.type_ids)

    def _ids(self, text: str, *, special: bool) -> list[int]:
        refuse_surrogates(text)
        encoding = guarded(lambda: self._core.encode(text, add_special_tokens=special), _CANNOT_CUT)
        return self._checked(encoding.ids)

    def _checked(self, ids: list[int]) -> list[int]:
        if ids and max(ids) >= self._most_ids:
            token = self._core.id_to_token(max(ids))
            raise TextError(
                f"The text holds the token {quoted(token)} with the id {max(ids)}, and the model "
                f"has the ids 0 to {self._most_ids - 1}. Leave it out of the text."
            )
        return ids

    def decode(self, ids: Sequence[int], *, skip_special: bool = True) -> str:
        """Return the text of ids."""
        check_ids(ids, max(self._end_size, self._most_ids))
        text = self._core.decode(list(ids), skip_special_tokens=skip_special)
        return tidy(text) if self._tidy else text

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return each token in printable form."""
        check_ids(ids, max(self._end_size, self._most_ids))
        tokens = [self._core.id_to_token(i) for i in ids]
        return [
            f"<{i}>" if token is None else self._show(i, token)
            for i, token in zip(ids, tokens, strict=True)
        ]

    def _show(self, i: int, token: str) -> str:
        return readable(token) if i in self._special_ids else self._readable(token)

    def id_of(self, piece: str) -> int | None:
        """Return the id of a token in its file's spelling, or None."""
        i: int | None = self._core.token_to_id(piece)
        return i


def check_ids(ids: Sequence[int], count: int) -> None:
    """Check that ids are below a count.

    Raises:
        TextError: an id is not.
    """
    wrong = next((i for i in ids if not 0 <= i < count), None)
    if wrong is not None:
        raise TextError(
            f"Token ids run from 0 to {count - 1} in this tokenizer; {wrong} came. Decode with "
            f"the tokenizer of the model that gave the ids."
        )


def tidy(text: str) -> str:
    """Return a text without the spaces that word pieces leave before punctuation.

    The list is transformers' ``clean_up_tokenization``.
    """
    for wide in (" .", " ?", " !", " ,"):
        text = text.replace(wide, wide[1:])
    text = text.replace(" ' ", "'")
    for wide in (" n't", " 'm", " 's", " 've", " 're"):
        text = text.replace(wide, wide[1:])
    return text


def guarded(work: Callable[[], Any], about: str) -> Any:
    """Call a function of the tokenizers library, and turn its errors into a CheckpointError.

    The library's errors have no class of their own, and some come from a panic in its Rust code.

    Raises:
        CheckpointError: the library raised an error.
    """
    try:
        return work()
    except CheckpointError:
        raise
    except BaseException as error:
        panic = type(error).__name__ == "PanicException"
        if not isinstance(error, Exception) and not panic:
            raise
        lines = str(error).splitlines() or [type(error).__name__]
        raise CheckpointError(
            f"{about}: {quoted(lines[0])} says the tokenizers library. The file is damaged, or "
            f"needs a newer version of it; get it again, or pip install -U tokenizers."
        ) from error


def _end_of_vocabulary(core: tokenizers.Tokenizer) -> int:
    """Return one more than the largest id of the vocabulary, without added tokens."""
    size: int = core.get_vocab_size(with_added_tokens=False)
    if size and core.id_to_token(size - 1) is not None and core.id_to_token(size) is None:
        return size
    vocabulary = core.get_vocab(with_added_tokens=False)
    return max(vocabulary.values(), default=-1) + 1


def _add_tokens(core: tokenizers.Tokenizer, settings: TokenizerSettings) -> None:
    """Add tokens of the settings that the library's file lacks, as transformers does."""
    tokens = {repr(token) for token in core.get_added_tokens_decoder().values()}
    for _, token in sorted(settings.additions.items()):
        if repr(token) not in tokens:
            core.add_tokens([token])
    special = {token.content for token in core.get_added_tokens_decoder().values() if token.special}
    for text in dict.fromkeys([*settings.tokens.values(), *settings.others]):
        if text and text not in special:
            token = AddedToken(text, special=True, normalized=False)
            core.add_special_tokens([settings.exact.get(text, token)])


def _set_ends(core: tokenizers.Tokenizer, settings: TokenizerSettings) -> None:
    """Set the tokens around a text, if the settings have them instead of the library's file."""
    tokens = settings.tokens
    if settings.ends is not None:
        single, pair = settings.ends
    elif any(isinstance(settings.values.get(key), bool) for key in _END_FLAGS.values()):
        first, last = (
            f"{{{role}}}" if settings.flag(key, False) and role in tokens else ""
            for role, key in _END_FLAGS.items()
        )
        single = f"{first} $A {last}"
        second = f"{first and first + ':1'} $B:1 {last and last + ':1'}"
        pair = f"{single} {second}"
    else:
        return
    core.post_processor = processors.TemplateProcessing(
        single=[piece.format_map(tokens) for piece in single.split()],
        pair=[piece.format_map(tokens) for piece in pair.split()],
        special_tokens=[(token, core.token_to_id(token)) for token in set(tokens.values())],
    )


def bytes_level(core: tokenizers.Tokenizer) -> bool:
    """Return whether the letters of the vocabulary stand for bytes, as in GPT-2."""
    decoder = core.decoder
    return decoder is not None and b'"ByteLevel"' in decoder.__getstate__()
