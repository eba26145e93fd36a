"""What can be read of a traced pass: a trace, or one of which only a part is held."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ...reference.tracing.step import Step


class Steps(Protocol):
    """The steps of one pass by their paths; `clearhead.reference.tracing.trace.Trace` is one.

    Where only a part is held, what is iterated over has shapes alone, and ``[path]`` the numbers.
    """

    @property
    def paths(self) -> list[str]:
        """The paths of all steps, in order."""
        ...

    def __contains__(self, path: object) -> bool:
        """Whether there is a step of this path."""
        ...

    def __iter__(self) -> Iterator[Step]:
        """Yield every step in order."""
        ...

    def __getitem__(self, path: str) -> Step:
        """Return the step of a path; TraceError where there is none."""
        ...
