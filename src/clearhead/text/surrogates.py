"""Lone surrogates: halves of characters, in texts that were decoded wrongly."""

from __future__ import annotations

import re

from ..errors import TextError

SURROGATE = re.compile("[\ud800-\udfff]")


def refuse_surrogates(text: str) -> None:
    """Check that a text is made of whole characters.

    Raises:
        TextError: it holds a lone surrogate.
    """
    surrogate = SURROGATE.search(text)
    if surrogate:
        raise TextError(
            f"The text holds a lone surrogate (U+{ord(surrogate[0]):04X}) at character "
            f"{surrogate.start()}, which is half of a character. Decode the text with the right "
            f"encoding, or leave it out."
        )
