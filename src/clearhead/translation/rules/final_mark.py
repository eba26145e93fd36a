"""A sentence is translated with one plain final mark, and gets back the ending that it had.

Models were hardly ever shown a sentence without its mark, and go on writing where none comes. Of
"...", "?!" and "!!!" they know little: they are read as one mark.
"""

from __future__ import annotations

import re

from .characters import has_letter

_MARKED = re.compile(r"[.!?…:;,。！？][\"'”’»)\]}]*\s*\Z")
_MARK = re.compile(r"\s*[.!?…]+\Z")
_RUN = re.compile(r"…|\.(?: ?\.)+|[.!?…]{2,}")
_QUESTION = re.compile(
    r"(?i)(?:who|whom|whose|what|which|when|where|why|how|is|are|am|was|were|do|does|did|can|could|"
    r"will|would|shall|should|may|might|have|has|had|isn't|aren't|wasn't|weren't|don't|doesn't|"
    r"didn't|can't|couldn't|won't|wouldn't|shouldn't|haven't|hasn't)\s+\S"
)
# "What a day", "How nice" and "Have a seat" are no questions.
_EXCLAMATION = re.compile(
    r"(?i)(?:what an?|how (?!are|is|was|were|do|does|did|can|could|will|would|should|many|much|old|"
    r"long|far|often|about|come|to)\w+|have an?|do (?:not|it|that|this)|don't|will power)\b"
)


def read_ending(sentence: str) -> tuple[str, str | None]:
    """Return a sentence with one plain final mark, and the ending that it had instead.

    Returns:
        for "Go" ``("Go.", "")``, for "Go!!!" ``("Go!", "!!!")``; the ending is None where the
        sentence stays as it is.
    """
    marked = add_final_mark(sentence)
    if marked != sentence:
        return marked, ""
    body = sentence.rstrip(".!?… ")
    run = sentence[len(body) :].strip()
    if not _RUN.fullmatch(run) or not has_letter(sentence):
        return sentence, None
    return body + ("?" if "?" in run else "!" if "!" in run else "."), run


def add_final_mark(sentence: str) -> str:
    """Return a sentence with a full stop or a question mark where it has no final mark."""
    text = sentence.rstrip()
    if not text or _MARKED.search(text) or not has_letter(text):
        return sentence
    asks = _QUESTION.match(text) and not _EXCLAMATION.match(text)
    return text + ("?" if asks else ".")


def give_back_ending(translation: str, ending: str) -> str:
    """Return a translation with this ending instead of its final mark, and the space before it."""
    mark = _MARK.search(translation)
    space = mark[0][: -len(mark[0].lstrip())] if mark and ending[:1] in ("!", "?") else ""
    return drop_final_mark(translation) + space + ending


def drop_final_mark(translation: str) -> str:
    """Return a translation without its final mark and the space that French puts before it."""
    return _MARK.sub("", translation)
