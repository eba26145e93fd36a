"""Path patching: the effect of a component through one other component.

It takes two runs for each sender. In the first, the sender has its numbers of the clean run and all
other heads have those of the corrupted run, and the receiver's input is noted. In the second, only
this input is patched. So the effect of the sender reaches the receiver directly or through
feed-forward layers, but through no other head (Wang et al. 2022, "Interpretability in the wild",
appendix B; Goldowsky-Dill et al. 2023, "Localizing model behavior with path patching"). If the
receiver is the model's output, the first run is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from ..attribution.running import run
from ..attribution.taps import on_inputs
from ..errors import ConfigError
from ..interventions.handles import Edits, Part
from .blocks import Block
from .edited_runs import EditedRuns
from .row_edits import ask_for
from .rows import repeat, repeated
from .units import Unit

INPUT = "input"
PARTS = ("query", "key", "value", INPUT)


@dataclass(frozen=True)
class Receiver:
    """The component that reads at the end of a path.

    Attributes:
        module: the name of a module.
        head: one of its heads; None for all.
        part: where it reads: the queries, keys or values of its attention; or the ``"input"`` of
            any module, such as a feed-forward layer or the last norm (the residual stream).
    """

    module: str
    head: int | None = None
    part: Literal["query", "key", "value", "input"] = "query"

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise ConfigError(f"part is one of {', '.join(PARTS)}; got {self.part!r}.")
        if self.part == INPUT and self.head is not None:
            raise ConfigError(
                f"The input of {self.module!r} is read by all of it: leave head, or name the "
                "query, key or value of a head."
            )

    def of(self, edits: Edits) -> Part:
        """Return the part of an attention to edit."""
        place = edits[self.module]
        heads = place if self.head is None else place.head(self.head)
        part: Part = getattr(heads, self.part)
        return part


@dataclass(frozen=True)
class PathRuns:
    """Runs units of a sweep, each through a receiver.

    Attributes:
        senders: the runs that would patch the units along all paths; they have the values of the
            clean run.
        heads: the outputs of all heads in the corrupted run, by module.
        frozen: the outputs, in the corrupted run, of the other modules that pass nothing on.
        receiver: the other end of the paths; None for the model's output.
    """

    senders: EditedRuns
    heads: dict[str, Tensor]
    frozen: dict[str, Tensor]
    receiver: Receiver | None

    @property
    def plan(self) -> Any:
        """The plan of the sweep."""
        return self.senders.plan

    def run(self, units: Sequence[Unit]) -> list[float]:
        """Return the metric with the path of each unit alone."""
        own, receiver, copies = self.senders.question, self.receiver, len(units)
        earlier = own.blocks.before([unit.module for unit in units])
        if receiver is None:
            with self._only_senders(units, earlier):
                return own.metrics_of_copies(copies, earlier)
        read = self._read(units, receiver, earlier)
        with self._at_receiver(receiver, lambda x: read):
            return own.metrics_of_copies(copies, own.blocks.before([receiver.module]))

    def _read(self, units: Sequence[Unit], receiver: Receiver, earlier: Sequence[Block]) -> Tensor:
        """Return the receiver's inputs if each unit has its numbers of the clean run."""
        own, copies = self.senders.question, len(units)
        notes: list[Tensor] = []

        def note(x: Tensor) -> Tensor:
            notes.append(x.detach().clone())
            return x

        with (
            self._only_senders(units, earlier),
            self._at_receiver(receiver, note),
            own.blocks.short_cut(earlier, copies),
        ):
            run(own.model, repeated(own.inputs, copies))
        if len(notes) != 1:
            raise ConfigError(
                f"The receiver {receiver.module!r} was called {len(notes)} times in one pass; "
                "paths lead to a module that is called once."
            )
        return notes[0]

    @contextmanager
    def _only_senders(self, units: Sequence[Unit], earlier: Sequence[Block]) -> Iterator[None]:
        """Patch senders, and keep all other heads and frozen modules as in the plain run."""
        own, copies = self.senders.question, len(units)

        def runs(name: str) -> bool:
            return not any(f"{name}.".startswith(f"{block.name}.") for block in earlier)

        with own.edits([*self.heads, *self.frozen]) as edits:
            for name in filter(runs, self.heads):
                edits[name].apply(_constant(repeat(self.heads[name], own.batch, copies)))
            for name in filter(runs, self.frozen):
                edits[name].output.apply(_constant(repeat(self.frozen[name], own.batch, copies)))
            senders = self.senders
            ask_for(edits, senders.plan, units, senders.values, senders.sizes, own.batch)
            yield

    @contextmanager
    def _at_receiver(
        self, receiver: Receiver, visitor: Callable[[Tensor], Tensor]
    ) -> Iterator[None]:
        """Let a visitor see, and replace, the receiver's input."""
        own = self.senders.question
        if receiver.part == INPUT:
            with on_inputs(own.model, {receiver.module: visitor}):
                yield
            return
        with own.edits([receiver.module]) as edits:
            receiver.of(edits).apply(visitor)
            yield


def _constant(values: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: values
