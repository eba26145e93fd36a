"""What kind each head of a part is, measured in one text: the question and its answer.

The measures are means over queries, so they are about this text and about no other. For sources
and formulas see `clearhead.head_kinds`, which defines them.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from typing_extensions import TypeAliasType, TypedDict

from ..questions import Path, Question, RunQuestion
from ..values import Span

# What a head's weights are measured for. ``even`` is how evenly they are spread, from 0 to 1; the
# others are shares of the weight.
HeadMeasure = TypeAliasType(
    "HeadMeasure",
    Literal[
        "previous",
        "next",
        "same",
        "first",
        "last",
        "duplicate",
        "induction",
        "aligned",
        "local",
        "even",
    ],
)
# ``broad`` is a head whose weights are even; ``mixed`` one that does none of these things mostly.
HeadKind = TypeAliasType(
    "HeadKind",
    Literal[
        "previous",
        "next",
        "same",
        "first",
        "last",
        "duplicate",
        "induction",
        "aligned",
        "local",
        "broad",
        "mixed",
    ],
)


class HeadKindsQuestion(Question):
    """What kind each head of a part is.

    Attributes:
        run: whose heads.
        part: of the model; the parts of a recording are named after the stacks of its model.
        layers: from ``start`` to before ``stop``; None for all of them.
    """

    question: ClassVar[str] = "head_kinds"
    run: RunQuestion = RunQuestion()
    part: Path
    layers: Span | None = None


class MeasuredHead(TypedDict):
    """One head.

    Attributes:
        kind: what it does mostly; null where too few queries have a choice for that to mean much.
        measures: a number from 0 to 1 for each measure that means something here.
        copying: from -1 to 1, how far the head's weights copy what it reads into the logits; null
            where that cannot be said, as of a recording.
    """

    kind: HeadKind | None
    measures: dict[HeadMeasure, float]
    copying: float | None


class HeadKindsAnswer(TypedDict):
    """Kinds of heads.

    Attributes:
        part: that was asked for.
        start: the first of its layers here.
        layers: the heads of each layer.
        share: a head is of a kind from this share of its weight on.
        even: a head is broad from this evenness on, if it is of no other kind.
        queries: a head has a kind where so many queries can attend to more than one token.
        copies: a head copies, beside its kind, from this copying score on.
    """

    part: str
    start: int
    layers: list[list[MeasuredHead]]
    share: float
    even: float
    queries: int
    copies: float
