"""What the JSON files beside a tokenizer say of it: tokenizer_config.json and its companions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...errors import CheckpointError
from ...file_reading import FileProblem, read_json
from ...json_fields import Fields

MOST_BYTES = 64 << 20
"""Bytes that a vocabulary or the settings of a tokenizer may have."""

ROLES = {
    "bos_token": "start",
    "eos_token": "end",
    "pad_token": "padding",
    "unk_token": "unknown",
    "mask_token": "mask",
    "sep_token": "separator",
    "cls_token": "class",
}
"""What transformers calls a special token -> what it is for."""


@dataclass(frozen=True)
class TokenizerSettings:
    """The settings of a tokenizer, of whichever of its files.

    Attributes:
        kind: the class of transformers, without ``Fast``; empty where none is named.
        tokens: the text of each special token, by its role (`ROLES`).
        others: special tokens without a role, such as language codes.
        additions: tokens that are added to the vocabulary, by their ids.
        values: all members of tokenizer_config.json, as JSON gave them.
    """

    kind: str = ""
    tokens: Mapping[str, str] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    additions: Mapping[int, str] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)

    def flag(self, key: str, default: bool) -> bool:
        """Return true or false from tokenizer_config.json; the default where it says neither."""
        value = self.values.get(key)
        return value if isinstance(value, bool) else default

    def text(self, key: str, default: str = "") -> str:
        """Return a text from tokenizer_config.json; the default where it has none."""
        value = self.values.get(key)
        return value if isinstance(value, str) else default


def read_tokenizer_settings(folder: Path) -> TokenizerSettings:
    """Return the settings of the tokenizer of a folder; of no files, none.

    Raises:
        CheckpointError: a file is damaged, or holds something else.
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
        kind.removesuffix("Fast") if isinstance(kind, str) else "",
        tokens,
        tuple(dict.fromkeys(others)),
        additions,
        values,
    )


def _read(path: Path) -> Fields:
    if not path.exists() and not path.is_symlink():
        return Fields({}, path.name)
    return read_object(path)


def read_object(path: Path) -> Fields:
    """Return the object of a JSON file of a tokenizer.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    try:
        return Fields(read_json(path, most=MOST_BYTES), "the file")
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read {path}: {error.reason}. Get the tokenizer's files again."
        ) from error


def _tokens(fields: Fields) -> dict[str, str]:
    return {
        role: _content(fields.value(key), key) for key, role in ROLES.items() if fields.has(key)
    }


def _others(fields: Fields) -> list[str]:
    tokens: list[str] = []
    for key in ("additional_special_tokens", "extra_special_tokens"):
        if not fields.has(key):
            continue
        value = fields.value(key)
        members = list(value.values()) if isinstance(value, dict) else fields.items(key)
        tokens += [_content(member, key) for member in members]
    return tokens


def _additions(fields: Fields) -> dict[int, str]:
    key = "added_tokens_decoder"
    if not fields.has(key):
        return {}
    tokens = fields.object(key)
    for name in tokens.names():
        if not (name.isascii() and name.isdigit() and len(name) < 10):
            raise FileProblem(f"a member of {key} is no id: {name[:20]!r}")
    return {int(name): _content(tokens.value(name), key) for name in tokens.names()}


def _content(value: Any, key: str) -> str:
    """Return the text of a token, which is given as it is or as an object with its settings."""
    if isinstance(value, str):
        return value
    return Fields(value, key).text("content")
