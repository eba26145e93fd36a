"""The result of a sweep: the question and its answer.

What its numbers mean is said in docs/formats.md, "The result of a sweep".
"""

from __future__ import annotations

from typing import ClassVar, Literal

from typing_extensions import TypedDict

from ..questions import Question


class SweepQuestion(Question):
    """What each edit of a sweep did to a number."""

    question: ClassVar[str] = "sweep"


class SweepAxis(TypedDict):
    """One axis of a sweep's values: ``module``, ``head``, ``position``, ``query`` or ``key``."""

    name: str
    entries: list[str]


class SweepReceiver(TypedDict):
    """Where the paths of path patching lead; the module "" and ``output`` are the model's output.

    Attributes:
        head: of the module; null for all of it.
        freeze: patterns of modules that do not pass on what a path changes.
    """

    module: str
    part: Literal["query", "key", "value", "input", "output"]
    head: int | None
    freeze: list[str]


class SweepTokens(TypedDict):
    """Names of the positions; null where nothing names them.

    Attributes:
        edited: of the run that was edited.
        source: of the run that was patched from.
        decoder: of what the decoder of a model with two stacks read.
    """

    edited: list[str] | None
    source: list[str] | None
    decoder: list[str] | None


class SweepAnswer(TypedDict):
    """The metric with one edit less the metric without any, for each edit.

    Attributes:
        model: its class.
        over: what was edited, one at a time.
        edit: of what kind.
        to: of path patching, where the paths lead; null elsewhere.
        measure: what the numbers are, in words.
        before: the metric without any edit.
        target: the metric of the run patched from; null where there was none.
        axes: of the values, ``module`` first.
        values: in the order of the axes, the last one fastest; null where there is nothing.
        tokens: names of the positions.
        notes: remarks for a reader.
    """

    model: str
    over: Literal["heads", "layers", "positions", "edges"]
    edit: Literal["zero", "mean", "patch", "remove"]
    to: SweepReceiver | None
    measure: str
    before: float
    target: float | None
    axes: list[SweepAxis]
    values: list[float | None]
    tokens: SweepTokens
    notes: list[str]
