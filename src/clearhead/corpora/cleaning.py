"""Normalises texts: composed letters, plain quotes and apostrophes, French spaces before marks."""

from __future__ import annotations

import re

from ..text.corpus import Pair
from ..translation.rules.characters import plain_characters

# French has a space before ; : ! ? and inside « », but not in 12:30, https://, (?) or &amp;
_ENTITY_OR_MARKS = re.compile(r"&#?\w+;|(?<=[^\s!?;:(\[«])([!?;]+|:(?=\s|$))(?=[\s\"»)\]]|$)")
_OPENING = re.compile(r"«\s*")
_CLOSING = re.compile(r"\s*»")


def clean_english(text: str) -> str:
    """Return an English text with composed letters, plain quotes and single plain spaces."""
    if "``" in text or "''" in text:  # quotes as in TeX
        text = text.replace("``", '"').replace("''", '"')
    if _has_plain_letters(text):  # only spaces remain to be cleaned, in a tenth of the time
        return " ".join(text.split())
    return plain_characters(text).strip()


def _has_plain_letters(text: str) -> bool:
    """Return whether a text has only characters of Latin-1, which are composed and plain."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return False
    return "\xad" not in text


def clean_french(text: str) -> str:
    """Return a French text cleaned likewise, with one plain space before each of ``; : ! ?``."""
    plain = clean_english(text)
    spaced = _ENTITY_OR_MARKS.sub(_with_space, plain)
    if "«" in spaced or "»" in spaced:
        spaced = _CLOSING.sub(" »", _OPENING.sub("« ", spaced)).strip()
    return spaced


def _with_space(match: re.Match[str]) -> str:
    return f" {match[1]}" if match[1] else match[0]


def clean_pair(pair: Pair) -> Pair:
    """Return a pair of an English and a French text with both sides clean."""
    return Pair(clean_english(pair.source), clean_french(pair.target))
