"""What a model reads and predicts in one pass, and how it came to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...shapes import Array
from ...translation.sentences.segments import Piece
from ..contract.questions import RunQuestion

# Float["rows vocab"] log-probabilities of some positions, or output vectors of a model that has
# no others: what the fast engine computed.
FastRows = Callable[[slice], Array]


@dataclass(frozen=True)
class Beginning:
    """What a model is given of a text.

    Attributes:
        request: what was asked, normalised.
        pieces: of the text, of which number ``request.sentence`` is walked.
        read: the text as the model reads it.
        ids: its token ids: of the source, of the prompt, or of the text of an encoder.
    """

    request: RunQuestion
    pieces: tuple[Piece, ...]
    read: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Passage:
    """The tokens of one pass.

    Attributes:
        source: ids that the encoder reads; empty without one.
        target: ids that the decoder reads; empty without one.
        predicted: the id that follows each of the decoder's, or that stands at each position of an
            encoder; empty where the model predicts no words.
        scored_positions: the positions of ``predicted`` whose log-probabilities make the sum.
        text: of the translation, of the continuation, or of what an encoder reads with its hidden
            words filled in.
        target_ids: what would have to be asked for as ``target_ids`` to read the same; None
            where nothing can.
    """

    source: tuple[int, ...]
    target: tuple[int, ...]
    predicted: tuple[int, ...]
    scored_positions: tuple[int, ...]
    text: str
    target_ids: tuple[int, ...] | None = None

    @property
    def prompt(self) -> int:
        """How many tokens of the target were there before: a prompt, or a start token."""
        return len(self.target) - len(self.target_ids or ())


@dataclass(frozen=True, eq=False)
class Completion:
    """A passage, and what the fast engine made of it.

    Attributes:
        passage: the tokens.
        fast: its log-probabilities, or output vectors, of some positions.
    """

    passage: Passage
    fast: FastRows
