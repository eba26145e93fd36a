"""Encodes a text for a model with one stack."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...errors import ShapeError, TextError


def prompt_ids(encode: Callable[[str], Sequence[int]], text: str, longest: int) -> tuple[int, ...]:
    """Return the token ids of a text; nothing is cut off.

    Raises:
        TextError: the text holds a lone surrogate, or has no tokens.
        ShapeError: it has more tokens than the model reads.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TextError(
            f"The text holds a lone surrogate, half of a character, at place {error.start}. "
            "Take it out."
        ) from None
    ids = tuple(int(token) for token in encode(text))
    if not ids:
        raise TextError("The tokenizer makes no token of this text. Give another one.")
    if len(ids) > longest:
        raise ShapeError(
            f"The text has {len(ids):,} tokens, and this model reads at most {longest:,} here. "
            "Give a part of it."
        )
    return ids
