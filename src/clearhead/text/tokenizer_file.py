"""The parts of our tokenizers, and how to read them from an untrusted file.

The tokenizers library obeys everything in a file: rules that rewrite the text, randomly dropped
pieces, gigabytes of padding. So only the vocabulary and the merges are read; everything else is the
same in all of our tokenizers, and a file with other settings is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tokenizers
from tokenizers import Regex, models, normalizers, pre_tokenizers

from ..file_reading import FileProblem, read_json
from ..json_fields import Fields
from ..visible import quoted

PAD, START, END = "<pad>", "<s>", "</s>"
SPECIALS = (PAD, START, END)
SPACE = "▁"
BYTES = tuple(f"<0x{value:02X}>" for value in range(256))
FIRST_LEARNT = len(SPECIALS) + len(BYTES)

# A word with its space and a French elision (l', qu'); a digit; a run of anything else.
_WORDS = (
    rf"{SPACE}?[\p{{L}}\p{{M}}]+['’]?|{SPACE}?\p{{N}}"
    rf"|{SPACE}?[^{SPACE}\p{{L}}\p{{M}}\p{{N}}]|{SPACE}"
)
# The other settings that the library writes for our tokenizers.
_PARTS: dict[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": SPACE},
    "pre_tokenizer": {
        "type": "Split",
        "pattern": {"Regex": _WORDS},
        "behavior": "Isolated",
        "invert": False,
    },
    "post_processor": None,
    "decoder": None,
}
_MODEL: dict[str, Any] = {
    "type": "BPE",
    "dropout": None,
    "unk_token": None,
    "continuing_subword_prefix": None,
    "end_of_word_suffix": None,
    "fuse_unk": False,
    "byte_fallback": True,
    "ignore_merges": False,
}
_MOST_BYTES = 16 << 20  # a vocabulary of 250,000 pieces
_NOT_OURS = (
    "it is not one of clearhead's, whose first ids are <pad>, <s>, </s> and the 256 bytes, and of "
    "which vocabulary and merges are all"
)


def core_of(
    vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]]
) -> tokenizers.Tokenizer:
    """Return the library's tokenizer for a vocabulary and merges."""
    core = tokenizers.Tokenizer(
        models.BPE(vocab=dict(vocabulary), merges=list(merges), byte_fallback=True)
    )
    set_splitting(core)
    return core


def set_splitting(core: tokenizers.Tokenizer) -> None:
    """Make a tokenizer split texts into words as all of ours do."""
    core.normalizer = normalizers.Replace(" ", SPACE)
    core.pre_tokenizer = pre_tokenizers.Split(Regex(_WORDS), behavior="isolated")


def read_core(path: str | Path) -> tokenizers.Tokenizer:
    """Read a saved tokenizer's vocabulary and merges into the library's tokenizer.

    Raises:
        FileProblem: the file is missing or damaged, or holds another kind of tokenizer.
    """
    content = Fields(read_json(path, most=_MOST_BYTES), "the file")
    model = content.object("model")
    _check_parts(model, _MODEL, ("vocab", "merges"), " of its model")
    _check_parts(content, _PARTS, ("model",), "")
    vocabulary = _vocabulary(model)
    # Text never contains byte or special tokens, so no merge may produce one.
    learnt = {piece for piece, number in vocabulary.items() if number >= FIRST_LEARNT}
    return core_of(vocabulary, [_merge(one, learnt) for one in model.items("merges")])


def _check_parts(there: Fields, ours: dict[str, Any], more: tuple[str, ...], where: str) -> None:
    for name in there.names():
        if name in more:
            continue
        value = there.value(name)
        # False is not 0 here, and True is not 1.
        if name not in ours or value != ours[name] or type(value) is not type(ours[name]):
            kind = value.get("type", value) if isinstance(value, dict) else value
            raise FileProblem(f"{_NOT_OURS}: its {quoted(name)}{where} is {quoted(kind)}")


def _vocabulary(model: Fields) -> dict[str, int]:
    """Return the pieces with their ids: each id from 0 on once, ours first."""
    vocabulary = model.mapping("vocab")
    pieces: list[str | None] = [None] * len(vocabulary)
    for piece, number in vocabulary.items():
        in_range = type(number) is int and 0 <= number < len(pieces)
        if not piece or not in_range or pieces[number] is not None:
            raise FileProblem(
                f"the piece {quoted(piece)} of its vocabulary has the id {quoted(number)}, and ids "
                f"run from 0 to {len(pieces) - 1}, each for one piece"
            )
        pieces[number] = piece
    if tuple(pieces[:FIRST_LEARNT]) != SPECIALS + BYTES:
        raise FileProblem(f"{_NOT_OURS}: its vocabulary begins otherwise")
    return vocabulary


def _merge(merge: Any, learnt: set[str]) -> tuple[str, str]:
    """Return the two pieces of a merge; older files have them as one text."""
    parts = merge.split(" ") if type(merge) is str else merge
    if type(parts) is list and len(parts) == 2:
        first, second = parts
        texts = type(first) is str and type(second) is str
        if texts and first in learnt and second in learnt and first + second in learnt:
            return first, second
    raise FileProblem(f"its merge {quoted(merge)} is not of two learnt pieces to a third")
