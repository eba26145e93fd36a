"""Questions as they come, as plain values, made into what the explorer works with."""

from __future__ import annotations

from dataclasses import dataclass

from .edits import Edit


@dataclass(frozen=True)
class RunRequest:
    """Which sentence is walked, and how: the key of a run.

    Attributes:
        text: the whole text.
        target: a translation to walk instead of the model's own; None for the model's own.
        sentence: number of the sentence that is walked.
        beam_size: of the search.
        edits: what is changed in the model or the source, in the order given.
    """

    text: str
    target: str | None = None
    sentence: int = 0
    beam_size: int = 4
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True)
class ArrayItem:
    """A window of one array.

    Attributes:
        path: of a step of the trace, or ``weights/NAME``.
        window: (start, stop) for each axis; None for the whole array.
    """

    path: str
    window: tuple[tuple[int, int], ...] | None = None
