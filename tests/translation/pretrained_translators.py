"""Folders of small translators with tokenizers of SentencePiece, and what transformers says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.pretrained.tokenizers import folders
from tests.tasks import tiny_models as tiny

TEXTS = ["the quick brown fox", "hello world , I don't know .", "a lazy dog"]
# Kind of tokenizer -> its model, and the class of its tokenizer.
KINDS = {
    "Marian": ("marian", "MarianTokenizer"),
    "M2M100": ("m2m_100", "M2M100Tokenizer"),
    "T5": ("t5", "T5Tokenizer"),
}


def saved(folder: Path, kind: str, **changes: Any) -> tuple[Any, Any]:
    """Save a translator with its tokenizer; both of transformers."""
    name, tokenizer_class = KINDS[kind]
    folders.write(folder, kind)
    tokenizer = getattr(tiny.transformers, tokenizer_class).from_pretrained(folder)
    if kind == "Marian":
        padding, end = tokenizer.pad_token_id, tokenizer.eos_token_id
        changes |= {"pad_token_id": padding, "eos_token_id": end, "bos_token_id": None,
                    "decoder_start_token_id": padding, "forced_eos_token_id": end}  # fmt: skip
    if kind == "M2M100":
        changes |= {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2,
                    "decoder_start_token_id": 2}  # fmt: skip
    model = tiny.random_model(name, vocab_size=len(tokenizer), **changes)
    if kind == "Marian":
        model.generation_config.bad_words_ids = [[tokenizer.pad_token_id]]
        model.generation_config.num_beams = 4
    model.generation_config.max_length = 12
    model.save_pretrained(folder)
    return model, tokenizer


def add_settings(folder: Path, **changes: Any) -> None:
    """Write more into a config.json."""
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def translated(model: Any, tokenizer: Any, text: str, **settings: Any) -> str:
    """The translation of transformers."""
    inputs = tokenizer([text], return_tensors="pt")
    rows = model.generate(**inputs, **settings)
    return tokenizer.decode(rows[0], skip_special_tokens=True)
