"""Characters in the forms that the model knows: composed, visible, plain."""

from __future__ import annotations

import re
import unicodedata

# Invisible: soft hyphen, zero-width characters, direction marks, word joiner. A joiner between two
# emoji makes them one, and is kept.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"
    "|(?<![\u2300-\u2bff\ufe0f\U0001f000-\U0001faff])\u200d"
)
_SPACES = re.compile(r"\s+")
_QUOTES = str.maketrans("‘’ʼ‛′“”‟″", "'''''\"\"\"\"")
_LIGATURES: dict[int, str] = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
)
# Fullwidth letters, digits and marks, as East Asian keyboards type them.
_FULLWIDTH: dict[int, str | int] = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_LETTER_FORMS: dict[int, str | int] = {**_LIGATURES, **_FULLWIDTH}


def has_letter(text: str) -> bool:
    """Return whether there is a letter of any alphabet in a text."""
    return any(map(str.isalpha, text))


def plain_characters(sentence: str) -> str:
    """Return a sentence with composed letters, plain quotes and spaces, and nothing invisible."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", sentence))
    return _SPACES.sub(" ", text.translate(_LETTER_FORMS).translate(_QUOTES))


def character_changes(sentence: str) -> list[str]:
    """Describe what `plain_characters` changes, beyond spaces and quotes."""
    changes = []
    composed = unicodedata.normalize("NFC", sentence)
    if composed != sentence:
        changes.append("accents composed (NFC)")
    if _INVISIBLE.search(composed):
        changes.append("invisible characters left out")
    if composed.translate(_LETTER_FORMS) != composed:
        changes.append("ligatures and wide letters written plainly")
    if composed.translate(_QUOTES) != composed:
        changes.append("quotation marks and apostrophes written plainly")
    return changes
