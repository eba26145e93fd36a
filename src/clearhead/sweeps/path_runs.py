"""Path patching: what a head does by way of one other component.

Two runs for each head. In the first, the head has its numbers of the clean run, all other heads
those of the corrupted one, and what the receiver reads is noted; in the second only that is put in
place. So the effect of the head goes to the receiver directly, or through feed-forward layers, and
through no other head (Goldowsky-Dill et al. 2023, "Localizing model behavior with path patching";
Wang et al. 2022, "Interpretability in the wild").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from ..attribution.running import run
from ..errors import ConfigError
from ..interventions.handles import Edits, Part
from .edited_runs import Question
from .row_edits import RowEdit
from .rows import repeat, repeated, row_of
from .units import Plan, Unit

PARTS = ("query", "key", "value")


@dataclass(frozen=True)
class Receiver:
    """What reads the other end of a path: queries, keys or values of an attention.

    Attributes:
        module: the name of the module that attends.
        head: one of its heads; None for all.
        part: what it reads with.
    """

    module: str
    head: int | None = None
    part: Literal["query", "key", "value"] = "query"

    def __post_init__(self) -> None:
        if self.part not in PARTS:
            raise ConfigError(f"part is one of {', '.join(PARTS)}; got {self.part!r}.")

    def of(self, edits: Edits) -> Part:
        """Return what is edited."""
        place = edits[self.module]
        heads = place if self.head is None else place.head(self.head)
        part: Part = getattr(heads, self.part)
        return part


@dataclass(frozen=True)
class PathRuns:
    """Runs units of a sweep over heads, each by way of a receiver.

    Attributes:
        question: what is edited and measured.
        plan: of the sweep.
        corrupted, clean: the heads' outputs in both runs, by module.
        receiver: the other end of the paths.
    """

    question: Question
    plan: Plan
    corrupted: dict[str, Tensor]
    clean: dict[str, Tensor]
    receiver: Receiver

    def run(self, units: Sequence[Unit]) -> list[float]:
        """Return the metric with the path of each unit alone."""
        own, copies = self.question, len(units)
        read = self._read(units)
        with own.edits([self.receiver.module]) as edits:
            self.receiver.of(edits).apply(lambda x: read)
            with own.blocks.short_cut(own.blocks.before([self.receiver.module]), copies):
                output = run(own.model, repeated(own.inputs, copies))
        rows = (row_of(output, row, own.batch, copies) for row in range(copies))
        return [own.metric_of(row) for row in rows]

    def _read(self, units: Sequence[Unit]) -> Tensor:
        """Return what the receiver reads if each unit has its numbers of the clean run."""
        own, copies = self.question, len(units)
        notes: list[Tensor] = []
        earlier = own.blocks.before([unit.module for unit in units])
        with own.edits([*self.corrupted]) as edits:
            for name, x in self.corrupted.items():
                if any(f"{name}.".startswith(f"{block.name}.") for block in earlier):
                    continue  # not computed
                mask = torch.zeros(copies, x.shape[1], dtype=torch.bool)
                for copy, unit in enumerate(units):
                    if unit.module == name:
                        mask[copy, self.plan.place_of(unit)] = True
                edits[name].apply(_constant(repeat(x, own.batch, copies)))
                edits[name].apply(RowEdit(mask, self.clean[name], own.batch))
            self.receiver.of(edits).apply(_note(notes))
            with own.blocks.short_cut(earlier, copies):
                run(own.model, repeated(own.inputs, copies))
        return notes[0]


def _constant(values: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda x: values


def _note(notes: list[Tensor]) -> Callable[[Tensor], Tensor]:
    def note(x: Tensor) -> Tensor:
        notes.append(x.detach().clone())
        return x

    return note
