"""The interface between a part of a job and the work on its lines, such as translating."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ...errors import TextError
from .lines import Line

WINDOW = 512  # lines that are processed together


class LineWork(ABC):
    """The work on the lines of a part, window by window. Its pickles are small.

    The output of a window depends only on its lines, not on earlier windows.
    """

    task: ClassVar[str]
    """The work as a present participle, for messages: ``translating``."""
    participle: ClassVar[str]
    """The work as a past participle, for messages: ``translated``."""
    suffix: ClassVar[str]
    """The suffix of the names of parts: ``.txt``."""
    is_sealed: ClassVar[bool] = False
    """Whether `sealed` makes a part from its complete draft; otherwise the draft is the part."""

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Everything beside the lines that the output depends on, in JSON's types."""

    @property
    @abstractmethod
    def grain(self) -> int:
        """Parts begin at multiples of this number of lines; 1 if each line is processed alone."""

    @property
    @abstractmethod
    def products(self) -> str:
        """The method of matrix products on this machine, which may differ in rounding."""

    @abstractmethod
    def window(self, lines: Sequence[tuple[int, Line]]) -> tuple[bytes, Mapping[int, TextError]]:
        """Return the output for some lines, and errors for the rejected ones.

        Args:
            lines: each with its number in its file, from 1; at most `WINDOW` of them.

        Returns:
            The output, to append to that of earlier windows; and errors by their index in
            ``lines``, each a clause that calls the line "it".
        """

    def sealed(self, draft: Path) -> bytes:
        """Return the content of a part, from a draft with all of its windows."""
        raise NotImplementedError

    def results(self, outputs: Iterable[Path], rejects: int) -> Mapping[str, bytes]:
        """Return files to write beside the manifest when all parts are complete: contents by name.

        Args:
            outputs: the parts, in order.
            rejects: the number of rejected lines.
        """
        return {}
