"""Everyday sentences with every translation that a teacher accepts, and what counts as equal.

The list is `tests/translation/everyday.toml`; its head describes how forms are written.
"""

from __future__ import annotations

import itertools
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from clearhead.errors import CorpusError

from ..paths import ROOT

EVERYDAY = ROOT / "tests" / "translation" / "everyday.toml"

FINAL_MARKS = ".?!"
# Pieces of a form: "(a|b)", or text without parentheses and bars.
_PIECES = re.compile(r"\(([^()]*)\)|([^()|]+)")
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u02bc": "'"})


@dataclass(frozen=True)
class EverydaySentence:
    """An English text and the French that is right for it.

    Attributes:
        group: such as "greetings".
        source: the English text.
        accepted: every French form, written out; the first is the one to show.
    """

    group: str
    source: str
    accepted: tuple[str, ...]

    def accepts(self, text: str) -> bool:
        """Return whether a translation is one of the accepted forms.

        Unicode's normal form, kinds and numbers of spaces, kinds of apostrophe and the space
        before ``! ? : ;`` make no difference, nor does the case of the first letter where the
        source begins with a small one.
        """
        return self._comparable(text) in self._comparable_forms

    @cached_property
    def _comparable_forms(self) -> frozenset[str]:
        return frozenset(map(self._comparable, self.accepted))

    def _comparable(self, text: str) -> str:
        text = normalise(text)
        return text[:1].lower() + text[1:] if self.source[:1].islower() else text


def normalise(text: str) -> str:
    """Return a text in normal form C, with plain spaces and apostrophes, none before a mark."""
    text = unicodedata.normalize("NFC", text).translate(_APOSTROPHES)
    return re.sub(r" ([!?:;])", r"\1", " ".join(text.split()))


def expand(form: str) -> list[str]:
    """Return all texts that a form stands for: "(Bon|Joyeux) Noël" for two.

    Raises:
        CorpusError: its parentheses do not match, or stand in each other.
    """
    pieces = list(_PIECES.finditer(form))
    if "".join(piece.group() for piece in pieces) != form:
        raise CorpusError(
            f"{form!r} has a parenthesis without its other half, a bar outside of parentheses, "
            f"or parentheses in parentheses; write (a|b), or two forms."
        )
    choices = [
        [piece[2]] if piece[1] is None else piece[1].split("|")  # the second group is text
        for piece in pieces
    ]
    return ["".join(choice) for choice in itertools.product(*choices)]


def read_everyday(path: Path = EVERYDAY) -> list[EverydaySentence]:
    """Return the sentences of a list, in its order.

    Raises:
        CorpusError: the file is not TOML of the described form, an English text stands there
            twice, or a French form is written twice or otherwise than the list's forms are.
    """
    try:
        groups = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path.name} is not TOML: {error}") from None
    sentences: list[EverydaySentence] = []
    group_of: dict[str, str] = {}
    for group, entries in groups.items():
        if not isinstance(entries, Mapping) or not entries:
            raise CorpusError(f"{path.name}: {group} is not a group; begin it with [{group}].")
        for source, forms in entries.items():
            if source in group_of:
                raise CorpusError(
                    f"{path.name}: {source!r} stands in {group_of[source]} and in {group}; "
                    f"leave one of them."
                )
            group_of[source] = group
            try:
                sentences.append(EverydaySentence(group, source, _accepted(source, forms)))
            except CorpusError as error:
                raise CorpusError(f"{path.name}, [{group}] {source!r}: {error}") from None
    return sentences


def _accepted(source: str, forms: Any) -> tuple[str, ...]:
    if not isinstance(forms, list) or not forms or not all(isinstance(x, str) for x in forms):
        raise CorpusError("a list of French forms must follow the English text.")
    texts = [text for form in forms for text in expand(form)]
    for text in (source, *texts):
        _check(text)
    for text in texts:
        if (source[-1] in FINAL_MARKS) != (text[-1] in FINAL_MARKS):
            raise CorpusError(f"{text!r} must end with a mark if the English does, and only then.")
        if source[0].islower() != text[0].islower():
            raise CorpusError(f"{text!r} must begin with a capital if the English does.")
        if re.search(r"[^ ][!?:;]", text):
            raise CorpusError(f"{text!r} has no space before a mark of two parts.")
        if texts.count(text) > 1:
            raise CorpusError(f"{text!r} is written twice; leave one.")
    return tuple(texts)


def _check(text: str) -> None:
    if not text or text != " ".join(text.split()):
        raise CorpusError(f"{text!r} is empty, or has surplus or unusual spaces.")
    if text != unicodedata.normalize("NFC", text).translate(_APOSTROPHES):
        raise CorpusError(f"{text!r} must be in normal form C, with plain apostrophes.")
