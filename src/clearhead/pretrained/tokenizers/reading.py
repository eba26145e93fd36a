"""Reads the tokenizer of a model's folder, from any kind of tokenizer files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tokenizers

from ...config import TransformerConfig
from ...errors import CheckpointError, MissingExtraError
from ...file_reading import FileProblem, read_text
from .belonging import check_belongs
from .building import KINDS, RECIPES, build
from .library_tokenizer import LibraryTokenizer, bytes_level, guarded
from .protocol import PretrainedTokenizer
from .sentencepiece_building import set_llama_words
from .sentencepiece_tokenizer import m2m_100_tokenizer, marian_tokenizer
from .settings import TokenizerSettings, read_tokenizer_settings

_MOST_BYTES = 256 << 20  # of a tokenizer.json
# Tokenizers based on the SentencePiece library: transformers class -> its files, and its reader.
_PIECES = {
    "MarianTokenizer": (("source.spm", "target.spm", "vocab.json"), marian_tokenizer),
    "M2M100Tokenizer": (("sentencepiece.bpe.model", "vocab.json"), m2m_100_tokenizer),
}


def read_tokenizer(
    folder: Path, model: Mapping[str, Any], config: TransformerConfig
) -> tuple[PretrainedTokenizer | None, str]:
    """Return the tokenizer of a folder and an empty text, or None and the reason why there is none.

    A folder without a tokenizer, or whose tokenizer needs a package that is not installed, can
    still be used with ids.

    Args:
        folder: of the model.
        model: its config.json, as parsed.
        config: our config made from it.

    Raises:
        CheckpointError: a tokenizer file is damaged, or belongs to another model.
    """
    settings = read_tokenizer_settings(folder)
    try:
        tokenizer = _read(folder, settings, model, config)
    except MissingExtraError as error:
        return None, str(error)
    if tokenizer is None:
        return None, (
            f"The folder {folder} has no tokenizer that is read here (tokenizer.json, vocab.json "
            f"with merges.txt, vocab.txt, or SentencePiece's files), so its model computes on "
            f"token ids alone. Save the tokenizer there with save_pretrained of transformers."
        )
    check_belongs(folder, tokenizer, model, config)
    return tokenizer, ""


def _read(
    folder: Path, settings: TokenizerSettings, model: Mapping[str, Any], config: TransformerConfig
) -> PretrainedTokenizer | None:
    path = folder / "tokenizer.json"
    if path.exists() or path.is_symlink():
        core = _core(path)
        llama = (model.get("model_type"), settings.kind) == ("llama", "LlamaTokenizer")
        if llama and not bytes_level(core):  # Llama 3's is, and stays unchanged
            set_llama_words(core, settings)
        return LibraryTokenizer(core, settings, config.vocab_size)
    own_class = _text(model.get("tokenizer_class")).removesuffix("Fast")
    classes = (settings.kind, own_class, KINDS.get(_text(model.get("model_type")), ""))
    kind = next((one for one in classes if one in RECIPES or one in _PIECES), "")
    if kind in _PIECES:
        names, read = _PIECES[kind]
        whole = all((folder / name).exists() for name in names)
        return read(folder, settings) if whole else None
    parts = build(folder, kind, settings)
    return None if parts is None else LibraryTokenizer(*parts, config.vocab_size)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _core(path: Path) -> tokenizers.Tokenizer:
    try:
        text = read_text(path, most=_MOST_BYTES)
    except FileProblem as error:
        raise CheckpointError(
            f"Cannot read the tokenizer {path}: {error.reason}. Get the tokenizer's files again."
        ) from error
    return guarded(lambda: tokenizers.Tokenizer.from_str(text), f"Cannot read the tokenizer {path}")
