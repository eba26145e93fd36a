"""One sentence on its way to its translation: created once, and carried to the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..rules.reading import Reading
from .segments import Piece


@dataclass(frozen=True)
class Sentence:
    """A sentence to translate, and the way in which it is given to the model.

    Sentences with equal text and prefix are equal, because the model translates them alike.

    Attributes:
        text: the sentence as it stands in its text.
        reading: the sentence as the model reads it, and what to restore in its translation.
        prefix: token ids that its translation must begin with.
        parts: texts to translate and texts to keep, in order. A new sentence has one part: what the
            model reads, with its token ids.
        stand_ins: the words that replace protected spans in ``parts``, each with its span.
        last: whether this is the last way, so that the translation is accepted as it is.
    """

    text: str
    reading: Reading = field(compare=False)
    prefix: tuple[int, ...] = ()
    parts: tuple[Piece, ...] = field(default=(), compare=False)
    stand_ins: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    last: bool = field(default=True, compare=False)

    @property
    def is_whole(self) -> bool:
        """Whether it is translated as a whole, so that lower-ranked hypotheses may be tried."""
        return len(self.parts) == 1 and self.parts[0].translate
