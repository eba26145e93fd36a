"""Makes tokens readable: a space as ``▁``, bytes that form no character as ``<0xE2>``."""

from __future__ import annotations

from functools import cache

from ...visible import visible

SPACE = "▁"


@cache
def byte_of_letter() -> dict[str, int]:
    """Return the byte for each letter of GPT-2's byte-level vocabularies.

    Printable bytes stand for themselves; the others map, in order, to the letters from U+0100 on
    (Radford et al. 2019, ``bytes_to_unicode`` in the code published with GPT-2).
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {
        chr(256 + i): byte for i, byte in enumerate(others)
    }


def readable_bytes(piece: str) -> str:
    """Return a token of a byte-level vocabulary in readable form: ``Ġthe`` becomes ``▁the``.

    A token with letters outside this alphabet, like ``<|endoftext|>`` in another one, is unchanged.
    """
    letters = byte_of_letter()
    if any(letter not in letters for letter in piece):
        return readable(piece)
    content = bytes(letters[letter] for letter in piece)
    text = content.decode("utf-8", errors="surrogateescape")
    return readable(
        "".join(
            f"<0x{ord(character) - 0xDC00:02X}>" if "\udc80" <= character <= "\udcff" else character
            for character in text
        )
    )


def readable(piece: str) -> str:
    """Return a token with ``▁`` for a space, and with control characters as escapes."""
    return visible(piece.replace(" ", SPACE))
