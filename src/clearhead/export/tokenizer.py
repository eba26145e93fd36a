"""Writes our tokenizer as a self-contained file of the tokenizers library, and reads it back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..config import TransformerConfig
from ..errors import CheckpointError
from ..file_reading import FileProblem, parse_json, read_json
from ..json_fields import Fields
from ..text.tokenizer import Tokenizer
from ..text.tokenizer_file import END, FIRST_LEARNT, PAD, SPACE, START, core_of

_MOST_BYTES = 16 << 20


def library_tokenizer(tokenizer: Tokenizer, config: TransformerConfig) -> dict[str, Any]:
    """Return the content of a tokenizer.json that gives the same ids as our tokenizer.

    A source ends with the end token; a prompt, in a model without an encoder, begins with the start
    token.

    There is one difference. Our tokenizer puts a space before the first word and removes it again,
    and reads ``▁`` as a space only where it stands for one; here a literal ``▁`` in a text is read
    as a space too.
    """
    content = parse_json(tokenizer.to_json())
    spaces = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    content["normalizer"] = {
        "type": "Sequence",
        "normalizers": [{"type": "Prepend", "prepend": " "}, spaces],
    }
    content["decoder"] = {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ],
    }
    # A source has an end token, a prompt a start token, and the text of a classifier both.
    begins = config.encoder_layers == 0 or config.output.labels > 0
    before = {START: tokenizer.start_id} if begins else {}
    after = {END: tokenizer.end_id} if config.encoder_layers else {}
    content["post_processor"] = _template(before, after)
    content["added_tokens"] = [
        {"id": i, "content": piece, "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": True}
        for i, piece in enumerate((PAD, START, END))
    ]  # fmt: skip
    return content


def _template(before: dict[str, int], after: dict[str, int]) -> dict[str, Any]:
    """Return the post-processor that adds tokens, given with their ids, around each text."""

    def special(tokens: dict[str, int]) -> list[dict[str, Any]]:
        return [{"SpecialToken": {"id": token, "type_id": 0}} for token in tokens]

    def around(sequence: str) -> list[dict[str, Any]]:
        text: dict[str, Any] = {"Sequence": {"id": sequence, "type_id": 0}}
        return [*special(before), text, *special(after)]

    return {
        "type": "TemplateProcessing",
        "single": around("A"),
        "pair": [*around("A"), *around("B")],
        "special_tokens": {
            token: {"id": token, "ids": [number], "tokens": [token]}
            for token, number in (before | after).items()
        },
    }


def tokenizer_settings(max_length: int) -> dict[str, Any]:
    """Return the content of the accompanying tokenizer_config.json."""
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": PAD,
        "bos_token": START,
        "eos_token": END,
        "model_max_length": max_length,
        "clean_up_tokenization_spaces": False,
    }


def own_tokenizer(path: Path) -> Tokenizer:
    """Return our tokenizer from a tokenizer.json that `library_tokenizer` described.

    Raises:
        CheckpointError: the file is damaged, or its vocabulary is not of our kind.
    """
    try:
        model = Fields(read_json(path, most=_MOST_BYTES), "the file").object("model")
        vocabulary, merges = model.mapping("vocab"), model.items("merges")
    except FileProblem as error:
        raise CheckpointError(f"Cannot read {path}: {error.reason}.") from error
    pieces = sorted(vocabulary, key=vocabulary.__getitem__)
    if pieces[:FIRST_LEARNT][:3] != [PAD, START, END]:
        raise CheckpointError(
            f"{path}: its vocabulary is not one of clearhead's, which begin with {PAD}, {START}, "
            f"{END} and the 256 bytes. A model with another tokenizer is read as it is: "
            f"clearhead.load(folder)."
        )
    return Tokenizer(core_of(vocabulary, [_merge(path, one) for one in merges]))


def _merge(path: Path, merge: Any) -> tuple[str, str]:
    """Return the two pieces of a merge; older files write them as one text."""
    parts = merge.split(" ") if isinstance(merge, str) else merge
    match parts:
        case [str(first), str(second)]:
            return first, second
    raise CheckpointError(f"Cannot read {path}: a merge is not of two pieces. Export it again.")
