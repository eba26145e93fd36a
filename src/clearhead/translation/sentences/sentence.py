"""One sentence on its way to its translation: made once, and carried to the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..rules.reading import Reading
from .segments import Piece


@dataclass(frozen=True)
class Sentence:
    """A sentence to translate, and the way in which the model is asked for it.

    Sentences are equal when the model must be asked for them alike: by text and prefix.

    Attributes:
        text: the sentence as it stands in its text.
        reading: the sentence as the model reads it, and what its translation gets back.
        prefix: token ids that its translation must begin with.
        parts: what the model translates and what is kept, to be joined. As a sentence is made, it
            has one part: what the model reads, with its token ids.
        stand_ins: words that stand in ``parts`` for protected spans, each with its span.
        last: whether no other way is left, so that the translation is taken as it is.
    """

    text: str
    reading: Reading = field(compare=False)
    prefix: tuple[int, ...] = ()
    parts: tuple[Piece, ...] = field(default=(), compare=False)
    stand_ins: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    last: bool = field(default=True, compare=False)

    @property
    def is_whole(self) -> bool:
        """Whether the model translates it at once, so that lower-ranked hypotheses may be tried."""
        return len(self.parts) == 1 and self.parts[0].translate
