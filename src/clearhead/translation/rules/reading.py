"""Prepares a sentence for the model, and restores in its translation what was removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ...text.tokenizer import FIRST_LEARNT, Tokenizer
from .characters import character_changes, plain_characters
from .final_mark import give_back_ending, read_ending
from .inline_marks import Mark, put_back, take_out
from .languages.english import ENGLISH
from .languages.language import NEUTRAL, Language
from .languages.typography import write_marks
from .letter_case import give_back_case, kind_of_case, ordinary_case
from .links import Links


@dataclass(frozen=True)
class Action:
    """What a rule did to a sentence.

    Attributes:
        rule: its name: characters, marks, case, final mark.
        change: what it did, in words.
    """

    rule: str
    change: str


@dataclass(frozen=True)
class Reading:
    """One sentence as the model reads it.

    Attributes:
        sentence: as it was typed.
        text: as the model reads it.
        actions: the actions of rules, in order; empty for a sentence that needs none.
        marks: the marks that were removed, with places in ``marked``.
        marked: the text that the places of ``marks`` count in, as long as ``text`` or shorter.
        case: its letter case, as `letter_case` names it.
        ending: what the sentence has instead of ``text``'s final mark; None where it has the same.
        language, target: of the sentence and of its translation.
    """

    sentence: str
    text: str
    actions: tuple[Action, ...] = ()
    marks: tuple[Mark, ...] = ()
    case: str = "sentence"
    ending: str | None = None
    language: Language = field(default=ENGLISH, compare=False)
    target: Language = field(default=NEUTRAL, compare=False)

    @property
    def is_plain(self) -> bool:
        """Whether nothing has to be restored in a translation."""
        return not self.marks and self.case == "sentence" and self.ending is None

    def restore(self, translation: str, link: Callable[[str], Links]) -> str:
        """Return the translation with everything restored that the model did not read.

        Args:
            translation: of ``text``.
            link: returns the links between the words of ``text`` and of the translation; called
                only if there are marks.
        """
        if self.is_plain:
            return translation
        restored = give_back_case(translation, self.case, self.target)
        if self.ending is not None:
            restored = give_back_ending(restored, self.ending)
        if not self.marks:
            return restored
        return put_back(restored, self.marks, _within(link(translation), len(restored)))


def _within(links: Links, length: int) -> Links:
    """Return the links of a text whose end was cut off."""
    pairs = [
        (span, word)
        for span, word in zip(links.target, links.source_words, strict=True)
        if span[1] <= length
    ]
    return Links(links.source, tuple(span for span, _ in pairs), tuple(n for _, n in pairs))


class Reader:
    """Prepares sentences for one model.

    Args:
        tokenizer: of the model; it knows words in fewer pieces better.
        language, target: that it translates from and to.
    """

    def __init__(
        self, tokenizer: Tokenizer, language: Language = ENGLISH, target: Language = NEUTRAL
    ) -> None:
        self._tokenizer, self.language, self.target = tokenizer, language, target
        # A model trained on texts without full stops or capital letters does not know them.
        self._knows_marks = self._knows(".?")
        self._knows_case = self._knows("ATIati")

    def read(self, sentence: str) -> Reading:
        """Apply every rule to a sentence in turn, and return it as the model reads it."""
        actions = [Action("characters", change) for change in character_changes(sentence)]
        text = plain_characters(sentence)
        text, marks = take_out(text, self.language)
        if marks:
            names = " ".join(mark.opening + mark.closing for mark in marks)
            actions.append(Action("marks", f"put back by attention: {names}"))
            marks = tuple(map(self._in_target, marks))
        kind = kind_of_case(text, self.language) if self._knows_case else "sentence"
        cased = ordinary_case(text, kind, self._count_pieces, self.language)
        if cased != text:
            actions.append(Action("case", f"read in ordinary case: {cased}"))
        else:
            kind = "sentence"
        ended, ending = read_ending(cased, self.language) if self._knows_marks else (cased, None)
        if ending is not None:
            instead = f" instead of {ending}" if ending else ""
            actions.append(Action("final mark", f"read with {ended[-1]} at its end{instead}"))
        return Reading(
            sentence, ended, tuple(actions), marks, kind, ending, self.language, self.target
        )

    def plain(self, sentence: str) -> Reading:
        """Apply only the rule of characters to a sentence."""
        text = plain_characters(sentence)
        return Reading(sentence, text, language=self.language, target=self.target)

    def _in_target(self, mark: Mark) -> Mark:
        """Return a mark as the translation has it."""
        opening = write_marks(mark.opening, self.language, self.target)
        return replace(
            mark, opening=opening, closing=write_marks(mark.closing, self.language, self.target)
        )

    def _knows(self, characters: str) -> bool:
        """Return whether all characters occurred in the tokenizer's training texts."""
        return all(self._tokenizer.encode(c)[-1] >= FIRST_LEARNT for c in characters)

    def _count_pieces(self, word: str) -> int:
        return len(self._tokenizer.encode(word))
