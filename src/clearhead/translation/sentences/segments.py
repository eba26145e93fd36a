"""Cuts a text into sentences for a model, without losing anything between them.

A text is cut into pieces: sentences, which are translated, and everything else (line breaks,
spaces, list markers, control characters, runs of symbols), which is kept. Joined, the pieces are
the text again, character for character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ...errors import TextError
from ...text.surrogates import refuse_surrogates
from ..rules.block_tags import BLOCK_TAG
from ..rules.characters import has_letter
from ..rules.frame import peel
from ..rules.languages.english import ENGLISH
from ..rules.languages.language import Language
from ..rules.opening import opening
from ..rules.sentence_ends import ends, list_items
from ..rules.symbols import SYMBOLS

MAX_CHARACTERS = 1_000_000

# No language has words this long; such a run is data (a key, a picture, a stuck key) and is kept,
# which also bounds the work that it can cause.
_LONGEST_WORD = 200
_LONGEST_TOKEN = 40  # characters per allowed token: longer texts are cut uncounted

_MOST_OPENINGS = 8  # of one sentence: a time, a name, a note, a label, and quotes between them
_BREAK = re.compile("(\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029])")
_DATA = re.compile(
    "[\x00-\x09\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ufeff\ufff0-\uffff\ue000-\uf8ff]+"
    rf"|[0-9A-Za-z\u00c0-\u024f\u0370-\u052f+/=_.:!?&%~#@-]{{{_LONGEST_WORD},}}"
)
_MARKER = re.compile(r"\s*(?:[-*•◦‣·–—#>|]+|\(?\d{1,3}[.)]|\(?[a-z]\))\s+")
_LEADING = re.compile(rf"(?:\s|{SYMBOLS})+")
_EDGE = re.compile(rf"\s|{SYMBOLS}")

_BOUNDARIES = (
    re.compile(r"[;:.!?]\s+"),
    re.compile(r",\s+|(?<!\s)\s+[—–-]\s+"),
    re.compile(r"\s+"),
)


@dataclass(frozen=True)
class Piece:
    """A stretch of a text: a sentence to translate, or text to keep.

    Attributes:
        text: the stretch.
        translate: whether it is a sentence.
        rule: the rule by which it is no part of a sentence, such as ``speaker`` or ``frame``.
        ids: its token ids, if already encoded; otherwise empty.
    """

    text: str
    translate: bool
    rule: str = ""
    ids: tuple[int, ...] = field(default=(), compare=False)


class CheckedText(str):
    """A text that has passed `check_text`, and need not be checked again."""

    __slots__ = ()


def split_text(text: str, *, sentences: bool = True, language: Language = ENGLISH) -> list[Piece]:
    """Return the pieces of a text: ``"".join(piece.text for piece in pieces) == text``.

    Args:
        text: any text.
        sentences: split lines into sentences; otherwise a line is one.
        language: of the text.

    Raises:
        TextError: the text holds a lone surrogate, or more than `MAX_CHARACTERS` characters.
    """
    check_text(text)
    pieces: list[Piece] = []
    for place, line in enumerate(_BREAK.split(text)):
        if place % 2:
            _keep(pieces, line)
        else:
            _split_line(pieces, line, sentences, language)
    return pieces


def check_text(text: str) -> CheckedText:
    """Reject text that is not valid Unicode, or longer than `MAX_CHARACTERS`.

    Returns:
        the text, marked as checked; a marked one is not searched again.

    Raises:
        TextError: with the place of what is wrong.
    """
    if isinstance(text, CheckedText):
        return text
    if len(text) > MAX_CHARACTERS:
        raise TextError(
            f"A text may have {MAX_CHARACTERS:,} characters; this one has {len(text):,}. "
            f"Give it in parts, such as its lines."
        )
    refuse_surrogates(text)
    return CheckedText(text)


def check_letters(text: str, pieces: Sequence[Piece]) -> None:
    """Reject a text without a sentence, which would be returned unchanged.

    Args:
        text: the whole text.
        pieces: what it was split into.

    Raises:
        TextError: there is nothing to translate: no letter, only words of too many letters, or only
            text outside of sentences, such as an address.
    """
    if any(piece.translate for piece in pieces):
        return
    longest = max((len(run) for run in _DATA.findall(text) if has_letter(run)), default=0)
    if longest >= _LONGEST_WORD:
        raise TextError(
            f"There is nothing to translate in this text: a word may have {_LONGEST_WORD - 1} "
            f"characters, and its longest has {longest:,}. What is longer is taken for data and "
            f"comes through as it is. Put spaces between the words."
        )
    what = "what is no part of a sentence" if has_letter(text) else "what has no letters"
    raise TextError(
        f"There is nothing to translate in this text: {what} comes through as it is. Give a "
        f'sentence, such as "The cat sleeps."'
    )


def fit(
    pieces: Sequence[Piece],
    limit: int,
    encode: Callable[[str], Sequence[int]],
    language: Language = ENGLISH,
) -> list[Piece]:
    """Cut sentences that are too long for the model, at clauses, else words, else anywhere.

    Args:
        pieces: of a text; those that are kept stay as they are.
        limit: the most tokens that a sentence may have.
        encode: gives the token ids of a sentence.
        language: of the text.

    Returns:
        pieces that give the same text when joined, each sentence of at most ``limit`` tokens (or
        one character). A sentence that was not cut has its ``ids``.
    """
    fitted: list[Piece] = []
    for piece in pieces:
        if piece.translate:
            _fit_sentence(fitted, piece.text, limit, encode, language)
        else:
            fitted.append(piece)
    return fitted


def _fit_sentence(
    pieces: list[Piece],
    sentence: str,
    limit: int,
    encode: Callable[[str], Sequence[int]],
    language: Language,
) -> None:
    stack = [sentence]
    while stack:
        part = stack.pop()
        # Tokens of far too long text are not even counted; a single character is never cut.
        is_countable = 1 < len(part) <= limit * _LONGEST_TOKEN
        ids = tuple(encode(part)) if is_countable else ()
        if len(part) > 1 and (not is_countable or len(ids) > limit):
            middle = _best_cut(part)
            stack += [part[middle:], part[:middle]]
            continue
        # The parts of a cut have edges of their own, which may have marks or spaces.
        start = len(pieces)
        _sentence(pieces, part, language)
        if len(pieces) == start + 1 and pieces[start].translate:
            pieces[start] = replace(pieces[start], ids=ids)


def _best_cut(text: str) -> int:
    """Return where to cut: at the strongest boundary near the middle."""
    middle, reach = len(text) // 2, len(text) // 4
    for boundary in _BOUNDARIES:
        places = [
            match.end() for match in boundary.finditer(text) if abs(match.end() - middle) <= reach
        ]
        if places:
            return min(places, key=lambda place: abs(place - middle))
    return middle


def _keep(pieces: list[Piece], text: str, rule: str = "") -> None:
    """Add a stretch to keep, unless it is empty."""
    if text:
        pieces.append(Piece(text, False, rule))


def _split_line(pieces: list[Piece], line: str, sentences: bool, language: Language) -> None:
    """Add the pieces of a line; a block tag of HTML ends a sentence."""
    start = 0
    for tag in BLOCK_TAG.finditer(line):
        _split_stretch(pieces, line[start : tag.start()], sentences, language)
        _keep(pieces, tag[0], "block tag")
        start = tag.end()
    _split_stretch(pieces, line[start:], sentences, language)


def _split_stretch(pieces: list[Piece], stretch: str, sentences: bool, language: Language) -> None:
    """Add the pieces of a stretch without block tags; data in it is kept."""
    start = 0
    split = _split_sentences if sentences else _sentence
    for match in _DATA.finditer(stretch):
        split(pieces, stretch[start : match.start()], language)
        _keep(pieces, match[0])
        start = match.end()
    split(pieces, stretch[start:], language)


def _split_sentences(pieces: list[Piece], text: str, language: Language) -> None:
    """Add the sentences of a stretch, or of its items if it is a list."""
    items = list_items(text)
    if not items:
        _split_item(pieces, text, language)
        return
    edges = [start for start, _ in items[1:]] + [len(text)]
    for (start, end), edge in zip(items, edges, strict=True):
        _keep(pieces, text[start:end])
        _split_item(pieces, text[end:edge], language)


def _split_item(pieces: list[Piece], text: str, language: Language) -> None:
    """Add the sentences of a paragraph or an item, without the marker before it."""
    marker = _MARKER.match(text)
    start = marker.end() if marker else 0
    _keep(pieces, text[:start])
    for end in ends(text, start, language):
        _sentence(pieces, text[start:end], language)
        start = end
    _sentence(pieces, text[start:], language)


def _sentence(pieces: list[Piece], text: str, language: Language) -> None:
    """Add a sentence, and the spaces and symbols around it; without any letter all is kept."""
    if not has_letter(text):
        _keep(pieces, text)
        return
    leading = _LEADING.match(text)
    start = leading.end() if leading else 0
    end = len(text)
    while _EDGE.match(text[end - 1]):
        end -= 1
    _keep(pieces, text[:start])
    _framed(pieces, text[start:end], language)
    _keep(pieces, text[end:])


def _framed(pieces: list[Piece], text: str, language: Language, openings: int = 0) -> None:
    """Add a sentence, the marks around it, and its opening label, if any."""
    before, sentence, after = peel(text, language)
    _keep(pieces, before, "frame")
    parts = opening(sentence, language) if openings < _MOST_OPENINGS else []
    for part in parts:
        pieces.append(Piece(part.text, part.translate, "" if part.translate else part.rule))
    if parts:
        rest = sentence[sum(len(part.text) for part in parts) :]
        _framed(pieces, rest, language, openings + 1)
    else:
        pieces.append(Piece(sentence, True))
    _keep(pieces, after, "frame")
