"""What a job does with lines: the contract between a part and whoever translates or measures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ...errors import TextError
from .lines import Line

WINDOW = 512  # lines that are worked on together


class LineWork(ABC):
    """What is done with the lines of a part, window by window. It pickles, small.

    What a window gives depends on its lines alone, not on what came before.
    """

    task: ClassVar[str]
    """What a process is doing, for messages: ``translating``."""
    participle: ClassVar[str]
    """What was done with a part, likewise: ``translated``."""
    suffix: ClassVar[str]
    """How the names of parts end: ``.txt``."""
    is_sealed: ClassVar[bool] = False
    """Whether a part is made of its draft by `sealed`, when that is whole; else the draft is it."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """What the output depends on beside the lines, as JSON has it."""

    @property
    @abstractmethod
    def grain(self) -> int:
        """Parts begin at multiples of so many lines: 1 where each line is worked on alone."""

    @property
    @abstractmethod
    def products(self) -> str:
        """What this machine computes matrix products with, which may round in a way of its own."""

    @abstractmethod
    def window(self, lines: Sequence[tuple[int, Line]]) -> tuple[bytes, Mapping[int, TextError]]:
        """Return what is written for some lines, and why some of them are rejected.

        Args:
            lines: each with its number in its file, from 1; `WINDOW` of them at most.

        Returns:
            What is written behind that of the windows before; and errors by the place in
            ``lines``, each half a sentence that says "it" of the line.
        """

    def sealed(self, draft: Path) -> bytes:
        """Return what a part is made of, from a draft with all of its windows."""
        raise NotImplementedError

    def results(self, outputs: Iterable[Path], rejects: int) -> Mapping[str, bytes]:
        """Return what is written beside the manifest when all parts are complete, by its name.

        Args:
            outputs: the parts, in order.
            rejects: how many lines were rejected.
        """
        return {}
