"""Tokens as readable text."""

from __future__ import annotations

from typing import Any


def label_of(tokenizer: Any, one: int, piece: str) -> str:
    """Return a token as readable text, with ▁ for a space.

    Args:
        tokenizer: of transformers.
        one: the token's id.
        piece: the token in the tokenizer's own notation.
    """
    text = str(piece)
    if "▁" not in text and not text.isascii():
        decoded = tokenizer.decode([one], clean_up_tokenization_spaces=False)
        if decoded and "\N{REPLACEMENT CHARACTER}" not in decoded:
            text = decoded
        elif all(letter in _LETTERS for letter in text):  # bytes of an incomplete character
            return "".join(f"<{_LETTERS[letter]:02X}>" for letter in text)
    text = text.replace(" ", "▁").replace("\n", "↵").replace("\t", "⇥")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _letters_of_bytes() -> dict[str, int]:
    """Return the bytes by the letters that byte-level tokenizers, such as GPT-2's, use for them."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): b for i, b in enumerate(others)}


_LETTERS = _letters_of_bytes()
