"""Finds where the sentences of a line end, and where list items within it begin.

The rules are data of each language: sets of abbreviations by what may follow them, and words that
begin sentences. A mark is an end unless a rule says that it is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from .languages.english import ENGLISH
from .languages.language import Language


@cache
def _mark(language: Language) -> re.Pattern[str]:
    """Return the pattern of a mark, closing quotes, brackets and tags, and space behind them.

    It starts where a run starts, so that a long run is read once and not from each of its
    characters. Dots with spaces between them are one mark. Another tag may follow without space.
    """
    quote = r"\s»|" if language.has_spaced_marks else ""
    return re.compile(
        r"(?<![.!?…])(?:(?<!\. )\.(?: \.){2,3}(?! ?\.)|[.!?…]+)"
        rf"(?:(?:{quote}[\"'”’»)\]*_~])*(?:\s+|\Z)"
        rf"|(?:{quote}[\"'”’»)\]])*(?:</\w+\s*>)+(?:\s+|\Z|(?=<\w)))|[。！？]+\s*"
    )


_TAGS = re.compile(r"\A(?:<[^<>]*>\s*)+")
_SPACED = re.compile(r"\.(?: \.){2,3}")
_OPENING = "\"'“‘«([¿¡-–—*_~"
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘«>*_~]+\Z")
_WORD_AFTER = re.compile(r"[\w'’]+")
_LONGEST_ABBREVIATION = 20
_SPACES = " \u00a0\u202f\u2009"


_INITIALS = re.compile(r"(?:[A-Z]\.)+[A-Z]\Z")


def ends(text: str, start: int = 0, language: Language = ENGLISH) -> Iterator[int]:
    """Yield where the sentences of a line end, the spaces after them included.

    Args:
        text: one line.
        start: where its first sentence begins.
        language: of the text.

    Yields:
        places in ``text``, in order, each after ``start``.
    """
    for match in _mark(language).finditer(text, start):
        spaced = _SPACED.match(match[0])
        if spaced:
            end = _spaced_end(text, match, spaced[0].count("."))
        else:
            end = match.end() if _is_end(text, start, match, language) else None
        if end is not None and end > start:
            yield end
            start = end


def _spaced_end(text: str, match: re.Match[str], dots: int) -> int | None:
    """Return where a sentence ends at dots with spaces between them; None for a pause.

    Three dots are a pause; a fourth ends a sentence, the one that touches its last word.
    """
    after = text[match.end() : match.end() + 9].lstrip(_OPENING + " ")[:1]
    if not after:
        return match.end()
    if dots < 4 or after.islower():
        return None
    touches = match.start() > 0 and not text[match.start() - 1].isspace()
    return match.start() + 2 if touches else match.end()


def _is_end(text: str, start: int, match: re.Match[str], language: Language) -> bool:
    """Return whether a mark ends the sentence that begins at ``start``."""
    after = _TAGS.sub("", text[match.end() : match.end() + 100])[:40]
    # In French a no-break space may stand behind an opening quote.
    next_text = after.lstrip(_OPENING + (_SPACES if language.has_spaced_marks else " "))
    if not next_text:
        return True
    if next_text[0].islower():
        return False
    mark = match[0].strip()
    if match.start() > 0 and text[match.start() - 1] in "[(" and mark[0] in ".…":
        return False  # an omission in brackets
    if not mark.startswith(".") or mark.startswith(".."):
        return True
    before = _WORD_BEFORE.search(
        text, max(start, match.start() - _LONGEST_ABBREVIATION), match.start()
    )
    if before is None:
        return True
    following = _WORD_AFTER.match(next_text)
    next_word = following[0].lower().replace("’", "'") if following else ""
    word = before[0].rpartition("’")[2] if language.has_elision else before[0]
    return _may_be_last(text, start, word, match.start(), after, next_word, language)


def _may_be_last(
    text: str,
    start: int,
    word: str,
    place: int,
    after: str,
    next_word: str,
    language: Language,
) -> bool:
    """Return whether a sentence may end with this word and its full stop."""
    lower, digit = word.lower(), after.lstrip(_OPENING + " ")[:1].isdigit()
    if word in language.letter_words:
        return not _is_initial(text, start, place, next_word, language)
    if len(word) == 1 and word.isalpha():
        return False
    if lower in language.never_last or (lower in language.titles and word[:1].isupper()):
        return False
    if lower in language.before_numbers and digit:
        return False
    is_day = lower in language.days or lower in language.months
    if is_day and word[:1].isupper() and (digit or next_word in language.months):
        return False
    if lower in language.countries:
        return next_word not in language.institutions and not after.startswith("(")
    if lower in language.degrees or (_INITIALS.match(word) and lower not in language.may_be_last):
        return next_word in language.starters
    if lower in language.may_be_last:
        time = language.opening_time
        opens = time is not None and time.match(text[start:place].lstrip(_OPENING + " "))
        return not digit and not after.startswith("(") and not opens
    return True


def _is_initial(text: str, start: int, place: int, next_word: str, language: Language) -> bool:
    """Return whether an "I" is an initial, as in "Albert I. Jones", but not in "you and I."."""
    earlier = text[start : place - 1].split()
    return (
        bool(earlier)
        and len(earlier) > 1
        and earlier[-1][:1].isupper()
        and (next_word not in language.starters)
    )


_ITEM = re.compile(r"(?:(?<=\s)|\A)\s*(?:[•⁃*·–-]\s*)?\(?(?:(\d{1,3})|([a-z]))(\.\)|[.)])\s+(?=\S)")


def list_items(line: str) -> list[tuple[int, int]]:
    """Return the marks of a list that stands in one line: "1. Wash 2. Dry", "a) yes b) no".

    Returns:
        the start and end of each mark, when the line begins with the first and at least one more
        follows it in order and in the same form; otherwise nothing.
    """
    first = _ITEM.match(line)
    if first is None:
        return []
    places, value, form = [first.span()], _value(first), (bool(first[1]), first[3])
    for match in _ITEM.finditer(line, first.end()):
        if _value(match) == value + 1 and (bool(match[1]), match[3]) == form:
            places.append(match.span())
            value += 1
    return places if len(places) > 1 else []


def _value(match: re.Match[str]) -> int:
    return int(match[1]) if match[1] else ord(match[2])
