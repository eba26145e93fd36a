"""Reads the settings of a tokenizer from JSON: tokenizer_config.json and its companions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import AddedToken

from ...errors import CheckpointError
from ...file_reading import FileProblem, read_json
from ...json_fields import Fields

MOST_BYTES = 64 << 20
"""The size limit in bytes of a vocabulary or of a tokenizer's settings."""

ROLES = {
    "bos_token": "start",
    "eos_token": "end",
    "pad_token": "padding",
    "unk_token": "unknown",
    "mask_token": "mask",
    "sep_token": "separator",
    "cls_token": "class",
}
"""transformers' name of a special token -> its role."""


@dataclass(frozen=True)
class TokenizerSettings:
    """The settings of a tokenizer, from all of its JSON files.

    Attributes:
        kind: the transformers class, without ``Fast``; empty if none is named.
        tokens: the text of each special token, by its role (`ROLES`).
        others: special tokens without a role, such as language codes.
        exact: special tokens with further properties, by their text; for instance, whether spaces
            beside a token belong to it.
        additions: tokens that are added to the vocabulary, by their ids.
        ends: the tokens around one text and around two, in the notation of the library's templates
            with roles in braces; None if the tokenizer's own file has them.
        values: all members of tokenizer_config.json, as parsed.
    """

    kind: str = ""
    tokens: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    exact: Mapping[str, AddedToken] = field(default_factory=dict)
    additions: Mapping[int, AddedToken] = field(default_factory=dict)
    ends: tuple[str, str] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false from tokenizer_config.json, or the default if it has neither."""
        value = self.values.get(key)
        return value if isinstance(value, bool) else default

    def text(self, key: str, default: str = "") -> str:
        """Return a text from tokenizer_config.json, or the default if it has none."""
        value = self.values.get(key)
        return value if isinstance(value, str) else default


def read_tokenizer_settings(folder: Path) -> TokenizerSettings:
    """Return the settings of a folder's tokenizer; empty settings if there are no files.

    Raises:
        CheckpointError: a file is damaged, or has unexpected content.
    """
    own = _read(folder / "tokenizer_config.json")
    special = _read(folder / "special_tokens_map.json")
    try:
        tokens = _tokens(special) | _tokens(own)
        others = [*_others(special), *_others(own)]
        additions = _additions(own)
    except FileProblem as error:
        raise CheckpointError(
            f"{folder / 'tokenizer_config.json'}: {error.reason}. Get the tokenizer's files again."
        ) from error
    values = own.members()
    kind = values.get("tokenizer_class")
    return TokenizerSettings(
        kind=kind.removesuffix("Fast") if isinstance(kind, str) else "",
        tokens={role: str(token) for role, token in tokens.items()},
        others=tuple(dict.fromkeys(map(str, others))),
        exact={
            token.content: token
            for token in [*tokens.values(), *others]
            if isinstance(token, AddedToken)
        },
        additions=additions,
        values=values,
    )


def _read(path: Path) -> Fields:
    if not path.exists() and not path.is_symlink():
        return Fields({}, path.name)
    return read_object(path)


def read_object(path: Path) -> Fields:
    """Return the object in a JSON file of a tokenizer.

    Raises:
        CheckpointError: the file does not exist, or is damaged.
    """
    try:
        return Fields(read_json(path, most=MOST_BYTES), "the file")
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read {path}: {error.reason}. Get the tokenizer's files again."
        ) from error


def _tokens(fields: Fields) -> dict[str, str | AddedToken]:
    return {
        role: _content(fields.value(key), key) for key, role in ROLES.items() if fields.has(key)
    }


def _others(fields: Fields) -> list[str | AddedToken]:
    tokens: list[str | AddedToken] = []
    for key in ("additional_special_tokens", "extra_special_tokens"):
        if not fields.has(key):
            continue
        value = fields.value(key)
        members = list(value.values()) if isinstance(value, dict) else fields.items(key)
        tokens += [_content(member, key) for member in members]
    return tokens


def _additions(fields: Fields) -> dict[int, AddedToken]:
    key = "added_tokens_decoder"
    if not fields.has(key):
        return {}
    tokens = fields.object(key)
    for name in tokens.names():
        if not (name.isascii() and name.isdigit() and len(name) < 10):
            raise FileProblem(f"a member of {key} is no id: {name[:20]!r}")
    return {int(name): _addition(tokens.object(name)) for name in tokens.names()}


def _addition(fields: Fields) -> AddedToken:
    flags = {
        key: fields.flag(key)
        for key in ("single_word", "lstrip", "rstrip", "normalized", "special")
        if fields.has(key)
    }
    return AddedToken(fields.text("content"), **flags)


def _content(value: Any, key: str) -> str | AddedToken:
    """Return a token, which is stored as its text or as an object with properties."""
    if isinstance(value, str):
        return value
    token = _addition(Fields(value, key))
    token.special = True
    return token
