"""Translates a sentence with one plain final mark, and restores its own ending.

Models have hardly ever seen a sentence without a final mark, and do not stop where there is none.
They know little about "...", "?!" and "!!!", which are read as one mark.
"""

from __future__ import annotations

import re

from .characters import has_letter
from .languages.english import ENGLISH
from .languages.language import NEUTRAL, Language

_MARKED = re.compile(r"[.!?…:;,。！？][\"'”’»)\]}]*\s*\Z")
_MARK = re.compile(r"\s*[.!?…]+\Z")
_RUN = re.compile(r"…|\.(?: ?\.)+|[.!?…]{2,}")


def read_ending(sentence: str, language: Language = ENGLISH) -> tuple[str, str | None]:
    """Return a sentence with one plain final mark, and the ending that it had instead.

    Returns:
        for "Go" ``("Go.", "")``, for "Go!!!" ``("Go!", "!!!")``; the ending is None if the sentence
        is not changed.
    """
    marked = add_final_mark(sentence, language)
    if marked != sentence:
        return marked, ""
    body = sentence.rstrip(".!?… ")
    run = sentence[len(body) :].strip()
    if not _RUN.fullmatch(run) or not has_letter(sentence):
        return sentence, None
    space = language.space_before_mark
    return body + (f"{space}?" if "?" in run else f"{space}!" if "!" in run else "."), run


def add_final_mark(sentence: str, language: Language = ENGLISH) -> str:
    """Return a sentence with a full stop or a question mark added, if it has no final mark."""
    text = sentence.rstrip()
    if not text or _MARKED.search(text) or not has_letter(text):
        return sentence
    if language is NEUTRAL and not _ends_with_cased_letter(text):
        return sentence  # most other scripts have a full stop of their own
    asks = _matches(language.question, text) and not _matches(language.exclamation, text)
    return text + (f"{language.space_before_mark}?" if asks else ".")


def _matches(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is not None and pattern.match(text) is not None


def _ends_with_cased_letter(text: str) -> bool:
    """Return whether the last letter is of a script with capital letters, as most with "." are."""
    last = next(letter for letter in reversed(text) if letter.isalpha())
    return last.lower() != last.upper()


def give_back_ending(translation: str, ending: str) -> str:
    """Return a translation with this ending instead of its final mark, and the space before it."""
    mark = _MARK.search(translation)
    space = mark[0][: -len(mark[0].lstrip())] if mark and ending[:1] in ("!", "?") else ""
    return drop_final_mark(translation) + space + ending


def drop_final_mark(translation: str) -> str:
    """Return a translation without its final mark and the space that French puts before it."""
    return _MARK.sub("", translation)
