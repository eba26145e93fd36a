"""The tokens that a model reads and predicts in one pass, and their origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...shapes import Array
from ...translation.sentences.segments import Piece
from ..contract.questions import RunQuestion

# Float["rows vocab"]: log-probabilities of some positions computed by the fast engine, or output
# vectors of a model without logits.
FastRows = Callable[[slice], Array]


@dataclass(frozen=True)
class Beginning:
    """The model's input for a text.

    Attributes:
        request: the question, normalised.
        pieces: the pieces of the text; number ``request.sentence`` is walked.
        read: the text as the model reads it.
        ids: its token ids: of the source, of the prompt, or of an encoder's text.
    """

    request: RunQuestion
    pieces: tuple[Piece, ...]
    read: str
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Passage:
    """The tokens of one pass.

    Attributes:
        source: the encoder's input ids; empty without an encoder.
        target: the decoder's input ids; empty without a decoder.
        predicted: the id after each of the decoder's, or at each position of an encoder; empty if
            the model predicts no words.
        scored_positions: the positions of ``predicted`` whose log-probabilities are summed.
        text: the translation, the continuation, or an encoder's text with its masked words filled
            in.
        target_ids: the ``target_ids`` that would have to be asked for to read the same; None if
            there are none.
    """

    source: tuple[int, ...]
    target: tuple[int, ...]
    predicted: tuple[int, ...]
    scored_positions: tuple[int, ...]
    text: str
    target_ids: tuple[int, ...] | None = None

    @property
    def prompt(self) -> int:
        """The number of target tokens that were given: a prompt, or a start token."""
        return len(self.target) - len(self.target_ids or ())


@dataclass(frozen=True, eq=False)
class Completion:
    """A passage, and the fast engine's results for it.

    Attributes:
        passage: the tokens.
        fast: returns its log-probabilities, or output vectors, at some positions.
    """

    passage: Passage
    fast: FastRows
