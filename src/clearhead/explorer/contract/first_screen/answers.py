"""The types of the answers to ``alignment`` and ``discovery``."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NotRequired

from typing_extensions import TypedDict

from ..edits import Edit
from ..questions import DiscoveryKind
from ..run_answers import LikelyLabel, PlainValuesOf

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
            ``peak``: the mean of the largest weight of each row, where nothing is predicted;
            ``aligned``, of a recording's cross-attention: the largest weight that each key gets,
            added up, over the length of the shorter side; ``elsewhere``, of a recording's
            self-attention: the same over weights that lie neither on the query's own token or
            beside it, nor on the first or last.
        trials: how many words were hidden for it, of ``of`` that could be; of a recording, which
            cannot be run again, how many heads were compared of how many that the part has.
        keys: words that are drawn on; of a recording tokens, of a long one some of them.
        queries: words that are predicted, each with the rows that predict it; of a classifier its
            label; of a model that predicts nothing, those that are read.
        weights: of the best head, one row for each word of ``queries``: the mean of its rows, and
            over the tokens of a key the sum.
        flow: of a recording, the same through all layers of the part, by rollout (Abnar and
            Zuidema 2020); missing where it cannot be had, or would take long.
        crossing: two of ``queries`` that draw most, and with more than half of their attention, on
            ``keys`` that stand the other way round; None where none do.
    """

    part: str
    heads: list[HeadScore]
    measure: Literal["agreement", "peak", "aligned", "elsewhere"]
    trials: int
    of: int
    keys: list[Word]
    queries: list[Word]
    weights: list[list[float]]
    flow: NotRequired[list[list[float]]]
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
        labels_before, labels_after: of a classifier, whose texts are labels: how likely each is, by
            their numbers. Of a temperature they are missing.
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
    labels_before: NotRequired[list[LikelyLabel]]
    labels_after: NotRequired[list[LikelyLabel]]
    word: NotRequired[Word]
    heads: NotRequired[list[HeadPlace]]
    trials: int
    of: int
    draws: NotRequired[list[Draw]]
    draw: NotRequired[int]
