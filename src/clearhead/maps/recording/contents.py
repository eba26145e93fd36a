"""The contents of a recording, as recorded or read from a file."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from .calls import Call, Refusal


@dataclass
class Contents:
    """The calls of each attending module, by name in the order of first calls.

    The recorder fills it, files are written from it, and `Recording` reads from it.

    Attributes:
        model: the class of the model.
        notes: remarks on the recording as a whole.
        calls: the calls of each module, in order.
        outputs: the output of each call of the modules whose outputs are kept.
    """

    model: str = ""
    notes: list[str] = field(default_factory=list)
    calls: dict[str, list[Call]] = field(default_factory=dict)
    outputs: dict[str, list[Tensor]] = field(default_factory=dict)

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
        of_maps = sum(
            call.nbytes
            for calls in self.calls.values()
            for call in calls
            if not isinstance(call, Refusal)
        )
        return of_maps + sum(x.nbytes for calls in self.outputs.values() for x in calls)
