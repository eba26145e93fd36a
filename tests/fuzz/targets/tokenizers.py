"""The files of tokenizers of others, each changed in a folder whose other files are whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from .target import Target, place

TEXT = "Hello café, the old house!"


@cache
def _folder(kind: str, name: str) -> Path:
    """A folder with the tokenizer of a kind, of which one file is to be changed."""
    from tests.pretrained.tokenizers.folders import KINDS

    folder = place() / f"{kind} {name}"
    folder.mkdir()
    KINDS[kind][1](folder)
    return folder


def _seeds(kind: str, name: str) -> Callable[[], list[bytes]]:
    return lambda: [(_folder(kind, "whole") / name).read_bytes()]


def _of(kind: str, name: str) -> Callable[[bytes], object]:
    """A reader of a tokenizer one of whose files is replaced."""

    def read(content: bytes) -> object:
        from clearhead.pretrained.tokenizers.reading import read_tokenizer
        from tests.pretrained.tokenizers.folders import CONFIG, KINDS

        folder = _folder(kind, name)
        (folder / name).write_bytes(content)
        tokenizer, _ = read_tokenizer(folder, {"model_type": KINDS[kind][0]}, CONFIG)
        if tokenizer is None:
            return None
        ids = tokenizer.encode(TEXT)
        return tokenizer.decode(ids), tokenizer.pieces(ids)

    return read


def _sentencepiece_seeds() -> list[bytes]:
    from tests.pretrained.tokenizers.folders import sentencepiece_model

    return [sentencepiece_model(), sentencepiece_model(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)]


_SETTINGS = (
    b'{"tokenizer_class": "GPT2Tokenizer", "add_prefix_space": true, "add_bos_token": true, '
    b'"bos_token": "<|endoftext|>", "pad_token": {"content": "<|endoftext|>", "lstrip": true}, '
    b'"added_tokens_decoder": {"360": {"content": "<|im_start|>", "special": true}}, '
    b'"model_max_length": 512}'
)

TARGETS = (
    Target("merges", _seeds("GPT-2", "merges.txt"), _of("GPT-2", "merges.txt")),
    Target("vocabulary", _seeds("GPT-2", "vocab.json"), _of("GPT-2", "vocab.json"), True),
    Target("tokenizer settings", lambda: [_SETTINGS], _of("GPT-2", "tokenizer_config.json"), True),
    Target("word pieces", _seeds("BERT", "vocab.txt"), _of("BERT", "vocab.txt")),
    Target("sentencepiece", _sentencepiece_seeds, _of("T5", "spiece.model")),
)
