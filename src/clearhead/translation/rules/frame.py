"""The frame around a whole sentence: brackets, quotes, Markdown, tags.

The frame is kept, and the sentence inside is translated as if it were alone.
"""

from __future__ import annotations

import re

from .characters import has_letter
from .languages.english import ENGLISH
from .languages.language import Language

PAIRS = (
    ("***", "***"), ("**", "**"), ("__", "__"), ("~~", "~~"), ("==", "=="), ("*", "*"), ("_", "_"),
    ("``", "''"), ("(", ")"), ("[", "]"), ("{", "}"), ('"', '"'), ("“", "”"), ("„", "“"),
    ("„", "”"), ("«", "»"), ("‹", "›"), ("‘", "’"), ("'", "'"), ("<", ">"),
)  # fmt: skip
_LINE_MARKS = "~=|/\\^+#:-"
_TAG = re.compile(r"\A(<([A-Za-z][\w-]*)(?:\s[^<>]*)?>)(.*)(</\2\s*>)\Z", re.DOTALL)
_MARKS_AFTER = ".!?…,;:"
_APOSTROPHE = re.compile(r"(?<!\w)['‘’]|['‘’](?!\w)")
_DEEPEST = 12  # nested frames; nobody writes deeper ones


def peel(sentence: str, language: Language = ENGLISH) -> tuple[str, str, str]:
    """Return the frame before a sentence, the sentence, and the frame after it."""
    before, core, after = "", sentence, ""
    for _ in range(_DEEPEST):
        split = (
            _split_tag(core) or _split_pair(core, language) or _split_run(core) or _split_lone(core)
        )
        if split is None:
            break
        opening, inner, closing = split
        stripped = inner.strip()
        lead = inner[: len(inner) - len(inner.lstrip())]
        tail = inner[len(inner.rstrip()) :]
        before, core, after = before + opening + lead, stripped, tail + closing + after
    return before, core, after


def _split_tag(text: str) -> tuple[str, str, str] | None:
    """Split off a tag that opens and closes around a text."""
    match = _TAG.match(text)
    if match is None or re.search(rf"</?{match[2]}[\s>]", match[3]) or not has_letter(match[3]):
        return None
    return match[1], match[3], match[4]


def _split_pair(text: str, language: Language) -> tuple[str, str, str] | None:
    """Split off a pair of marks around a text, which may have its final mark after them."""
    body = text.rstrip(_MARKS_AFTER)
    tail = text[len(body.rstrip() if language.has_spaced_marks else body) :]
    for opening, closing in PAIRS:
        for end in dict.fromkeys(("", tail)):
            if not (text.startswith(opening) and text.endswith(closing + end)):
                continue
            inner = text[len(opening) : len(text) - len(closing) - len(end)]
            if _stands_alone(inner, opening, closing):
                return opening, inner, closing + end
    return None


def _split_run(text: str) -> tuple[str, str, str] | None:
    """Split off the same run of marks at both ends: "~Close the door.~", "-- yes --"."""
    run = text[: len(text) - len(text.lstrip(_LINE_MARKS))]
    end = len(text.rstrip(_MARKS_AFTER))
    inner = text[len(run) : end - len(run)]
    is_framed = run and text[:end].endswith(run) and inner[-1:] not in {*_LINE_MARKS, ""}
    if not is_framed or run in inner or not has_letter(inner):
        return None
    return run, inner, text[end - len(run) :]


_OPENINGS = {"(": ")", "[": "]", "“": "”", "«": "»", '"': '"'}
_CLOSINGS = {closing: opening for opening, closing in _OPENINGS.items()}


def _split_lone(text: str) -> tuple[str, str, str] | None:
    """Split off a bracket or quote at one end whose partner is in another sentence."""
    first, last = text[:1], text[-1:]
    if first in _OPENINGS and _OPENINGS[first] not in text[1:] and has_letter(text[1:]):
        return first, text[1:], ""
    if last in _CLOSINGS and _CLOSINGS[last] not in text[:-1] and has_letter(text[:-1]):
        return "", text[:-1], last
    return None


def _stands_alone(inner: str, opening: str, closing: str) -> bool:
    """Return whether the marks around a text are a pair that encloses nothing but this text."""
    if not has_letter(inner):
        return False
    if opening in ("{", "<") and " " not in inner.strip():
        return False  # a placeholder, a tag
    if opening in ("'", "‘"):
        return not _APOSTROPHE.search(inner) and not inner[0].isspace()
    if opening == closing or opening in ("„", "``"):
        if opening in ("*", "_") and (inner[0].isspace() or inner[-1].isspace()):
            return False
        return opening not in inner and closing not in inner
    depth = 0
    for character in inner:
        depth += (character == opening) - (character == closing)
        if depth < 0:
            return False
    return depth == 0
