"""The types of the answers to ``alignment`` and ``discovery``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import TypedDict

from ..edits import Edit
from ..questions import DiscoveryKind
from ..run_answers import PlainValuesOf

PlainEdit = Annotated[dict[str, Any], PlainValuesOf(Edit)]


class Word(TypedDict):
    """A word of a text: its tokens are those from ``start`` to before ``stop``."""

    text: str
    start: int
    stop: int


class HeadPlace(TypedDict):
    """Where a head is."""

    part: str
    layer: int
    head: int


class HeadScore(TypedDict):
    """How well a head aligns, from 0 to 1."""

    layer: int
    head: int
    score: float


class AlignmentAnswer(TypedDict):
    """Which words drew on which, in the head that aligns best.

    Attributes:
        part: whose heads were compared: ``cross``, or the self-attention of a model with one stack.
        heads: of the part, the one that aligns best first.
        measure: ``agreement``: the share of its attention, weighted by what hiding costs, that a
            head puts on the words whose hiding costs a predicted word probability;
            ``peak``: the mean of the largest weight of each row, where nothing is predicted.
        trials: how many words were hidden for it, of ``of`` that could be.
        keys: words that are drawn on.
        queries: words that are predicted, each with the rows that predict it; of a model that
            predicts none, those that are read.
        weights: of the best head, one row for each word of ``queries``: the mean of its rows, and
            over the tokens of a key the sum.
        crossing: two of ``queries`` that draw most, and with more than half of their attention, on
            ``keys`` that stand the other way round; None where none do.
    """

    part: str
    heads: list[HeadScore]
    measure: Literal["agreement", "peak"]
    trials: int
    of: int
    keys: list[Word]
    queries: list[Word]
    weights: list[list[float]]
    crossing: list[int] | None


class Draw(TypedDict):
    """What chance makes of the text at one temperature.

    Attributes:
        text: drawn from the ten likeliest tokens of each step, with the same dice at every
            temperature.
        ended: whether it ended by itself.
        probability: of the model's own text at this temperature.
    """

    temperature: float
    text: str
    ended: bool
    probability: float


class DiscoveryAnswer(TypedDict):
    """The one change of many that changes the text most, and what it does.

    Attributes:
        before: the model's text as it is.
        after: with the change.
        edits: that make it, as a run takes them.
        word: that is hidden.
        heads: that are switched off: several together where no single one is missed.
        trials: how many changes were tried, of ``of`` that there are.
        draws: of a temperature, one for each, the lowest first.
        draw: number of the draw whose text is ``after``.
    """

    kind: DiscoveryKind
    before: str
    after: str
    edits: list[PlainEdit]
    word: NotRequired[Word]
    heads: NotRequired[list[HeadPlace]]
    trials: int
    of: int
    draws: NotRequired[list[Draw]]
    draw: NotRequired[int]
