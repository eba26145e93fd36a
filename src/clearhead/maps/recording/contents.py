"""What a recording holds, before anything is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .calls import Call, Refusal


@dataclass
class Contents:
    """The calls of each attending module, by name in the order of first calls.

    The recorder fills it, the file is written from it, and `Recording` answers questions from it.

    Attributes:
        model: the class of the model.
        notes: remarks on the recording as a whole.
        calls: the calls of each module, in order.
    """

    model: str = ""
    notes: list[str] = field(default_factory=list)
    calls: dict[str, list[Call]] = field(default_factory=dict)

    def of_module(self, name: str) -> list[Call]:
        """Return the calls of a module, to read or to extend; a new module has none yet."""
        return self.calls.setdefault(name, [])

    def refusals(self) -> dict[str, Refusal]:
        """Return the first refusal of each module that has one, by name."""
        first: dict[str, Refusal] = {}
        for name, calls in self.calls.items():
            for call in calls:
                if isinstance(call, Refusal):
                    first.setdefault(name, call)
        return first

    @property
    def nbytes(self) -> int:
        """Memory of what is kept, in bytes."""
        return sum(
            call.nbytes
            for calls in self.calls.values()
            for call in calls
            if not isinstance(call, Refusal)
        )
