"""Runs of a model with the edits of a sweep, and the metric of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ..attribution.running import Inputs, run
from ..attribution.target import Metric, value_of
from ..interventions.intervene import intervene
from .blocks import Blocks
from .row_edits import ask_for
from .rows import repeated, row_of
from .units import Plan, Unit


@dataclass(frozen=True)
class Question:
    """What is edited, and what is measured.

    Attributes:
        model: the model.
        inputs: what it is run with.
        metric: of its output.
        batch: the number of texts in the inputs.
        blocks: of the model, with what they computed in the plain run.
    """

    model: nn.Module
    inputs: Inputs
    metric: Metric
    batch: int
    blocks: Blocks

    def metric_of(self, output: Any) -> float:
        """Return the metric of an output."""
        return float(value_of(self.metric, output))


@dataclass(frozen=True)
class EditedRuns:
    """Runs units of a sweep over heads, layers or positions, side by side in one batch.

    Attributes:
        question: what is edited and measured.
        plan: of the sweep.
        values: what is put in place of each module's numbers.
        sizes: the number of heads or positions of each module.
    """

    question: Question
    plan: Plan
    values: dict[str, Tensor]
    sizes: dict[str, int]

    def run(self, units: Sequence[Unit]) -> list[float]:
        """Return the metric with the edit of each unit alone."""
        own, copies = self.question, len(units)
        earlier = own.blocks.before([unit.module for unit in units])
        with intervene(own.model) as edits:
            ask_for(edits, self.plan, units, self.values, self.sizes, own.batch)
            with own.blocks.short_cut(earlier, copies):
                output = run(own.model, repeated(own.inputs, copies))
        rows = (row_of(output, row, own.batch, copies) for row in range(copies))
        return [own.metric_of(row) for row in rows]


@dataclass(frozen=True)
class RunsWithoutEdges:
    """Runs units of a sweep over edges, one by one.

    Attributes:
        question: what is edited and measured.
        plan: of the sweep.
    """

    question: Question
    plan: Plan

    def run(self, units: Sequence[Unit]) -> list[float]:
        """Return the metric without the edge of each unit."""
        return [self._run(unit) for unit in units]

    def _run(self, unit: Unit) -> float:
        own = self.question
        queries, keys = self.plan.places
        _, query, key = unit.entry
        with intervene(own.model) as edits:
            edits[unit.module].edge(queries[query], keys[key]).remove()
            with own.blocks.short_cut(own.blocks.before([unit.module]), 1):
                return own.metric_of(run(own.model, own.inputs))
