"""Path patching: what a component does by way of one other component.

Two runs for each sender. In the first it has its numbers of the clean run, the heads of all
attentions those of the corrupted one, and what the receiver reads is noted; in the second only that
is put in place. So the effect of the sender goes to the receiver directly, or through feed-forward
layers, and through no other head (Wang et al. 2022, "Interpretability in the wild", appendix B;
Goldowsky-Dill et al. 2023, "Localizing model behavior with path patching"). Where the receiver is
the model's output, the first run is all.
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
    """What reads the other end of a path.

    Attributes:
        module: the name of a module.
        head: one of its heads; None for all.
        part: what it reads with: the queries, keys or values of its attention; or its ``"input"``,
            of any module, such as a feed-forward layer or the last norm (the residual stream).
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
        """Return what is edited in an attention."""
        place = edits[self.module]
        heads = place if self.head is None else place.head(self.head)
        part: Part = getattr(heads, self.part)
        return part


@dataclass(frozen=True)
class PathRuns:
    """Runs units of a sweep, each by way of a receiver.

    Attributes:
        senders: the runs that would patch the units by every way; they have the values of the clean
            run.
        heads: the outputs of all heads in the corrupted run, by module.
        frozen: the outputs there of the other modules that pass nothing on.
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
        """Return what the receiver reads if each unit has its numbers of the clean run."""
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
        """Patch senders, and let all other heads, and what is frozen, be as in the plain run."""
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
        """Let a visitor see, and replace, what the receiver reads."""
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
