"""Runs of a model with the edits of a sweep, and the metric the function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..attribution.running import Inputs, run
from ..attribution.target import Metric, value_of
from ..errors import ConfigError
from ..interventions.edits import HEADS, EdgeEdit, TensorEdit, Texts
from ..interventions.handles import Edits
from ..interventions.intervene import intervene
from ..interventions.positions import Positions
from .blocks import Block, Blocks
from .row_edits import ask_for
from .rows import beside, repeated, row_of, tensors_of
from .units import Plan, Unit


@dataclass(frozen=True)
class Question:
    """The model, inputs and metric of a sweep.

    Attributes:
        model: the model.
        inputs: the inputs of the runs.
        metric: of its output.
        batch: the number of texts in the inputs.
        blocks: of the model, with their outputs in the plain run.
    """

    model: nn.Module
    inputs: Inputs
    metric: Metric
    batch: int
    blocks: Blocks

    def metric_of(self, output: Any) -> float:
        """Return the metric of an output."""
        return float(value_of(self.metric, output))

    def measure(self, copies: int = 1) -> float:
        """Return the metric of the first of some copies of the inputs."""
        output = run(self.model, repeated(self.inputs, copies))
        return self.metric_of(row_of(output, 0, self.batch, copies))

    def metrics_of_copies(self, copies: int, earlier: Sequence[Block] = ()) -> list[float]:
        """Return the metric of each of some copies of the inputs, run side by side.

        Args:
            copies: how many.
            earlier: blocks that return their outputs of the plain run.
        """
        with self.blocks.short_cut(earlier, copies):
            output = run(self.model, repeated(self.inputs, copies))
        rows = (row_of(output, row, self.batch, copies) for row in range(copies))
        return [self.metric_of(row) for row in rows]

    def try_beside(self, others: Inputs, before: float, scale: float) -> None:
        """Check that the metric is the same if other texts are run beside the inputs.

        Args:
            others: of the same shapes; they come first, so that anything passed on from one text to
                the next is noticed, too.
            before: the metric of the inputs alone.
            scale: of the numbers of the output, to which rounding is relative.

        Raises:
            ConfigError: it is not.
        """
        try:
            output = run(self.model, beside(others, self.inputs))
        except RuntimeError as error:
            raise ConfigError(
                "The model cannot be run with several copies of its texts side by side, as a "
                f"sweep does: {error}. Sweep with batch_size=1."
            ) from error
        number = self.metric_of(row_of(output, 1, self.batch, 2))
        half = any(x.dtype in (torch.bfloat16, torch.float16) for x in tensors_of(output))
        if not abs(number - before) <= (0.05 if half else 1e-3) * max(abs(before), scale):
            raise ConfigError(
                f"Beside other texts the inputs have the metric {number:g}, and {before:g} alone. "
                "Either the metric is of the whole batch, as a model's own loss is, or the first "
                "axis is not that of texts, or texts change each other. Compute the metric from "
                "the logits, or sweep with batch_size=1."
            )

    @contextmanager
    def edits(self, modules: Sequence[str]) -> Iterator[Edits]:
        """Edit attentions and outputs of some modules of the model within a ``with`` block."""
        with intervene(self.model) as edits:
            if not set(modules) <= set(self.blocks.modules):
                # Hooks miss modules of which only methods are called, as in clearhead.nn. An edit
                # by number makes the whole model's attention be watched.
                unchanged = TensorEdit("an edit that changes nothing", None, HEADS)
                unchanged.applied = True
                edits.add(0, unchanged)
            yield edits


@dataclass(frozen=True)
class EditedRuns:
    """Runs units of a sweep over heads, layers or positions, side by side in one batch.

    Attributes:
        question: the model, inputs and metric.
        plan: of the sweep.
        values: what replaces each module's numbers.
        sizes: the number of heads or positions of each module.
    """

    question: Question
    plan: Plan
    values: dict[str, Tensor]
    sizes: dict[str, int]

    def run(self, units: Sequence[Unit]) -> list[float]:
        """Return the metric with the edit of each unit alone."""
        own, copies = self.question, len(units)
        modules = [unit.module for unit in units]
        blocks = own.blocks
        heads = self.plan.over == "heads"
        earlier = blocks.before_heads(modules) if heads else blocks.before(modules)
        with own.edits(modules) as edits:
            ask_for(edits, self.plan, units, self.values, self.sizes, own.batch)
            return own.metrics_of_copies(copies, earlier)


@dataclass(frozen=True)
class RunsWithoutEdges:
    """Runs units of a sweep over edges, side by side in one batch.

    Attributes:
        question: the model, inputs and metric.
        plan: of the sweep.
    """

    question: Question
    plan: Plan

    def run(self, units: Sequence[Unit]) -> list[float]:
        """Return the metric without the edge of each unit."""
        own, copies = self.question, len(units)
        modules = [unit.module for unit in units]
        with own.edits(modules) as edits:
            for copy, unit in enumerate(units):
                edits.add(unit.module, self._edit(unit, copy, copies))
            return own.metrics_of_copies(copies, own.blocks.before(modules))

    def _edit(self, unit: Unit, copy: int, copies: int) -> EdgeEdit:
        """Return the edit of a unit, limited to the texts of its copy."""
        queries, keys = self.plan.places
        _, query, key = unit.entry
        batch = self.question.batch
        return EdgeEdit(
            f"the edge from {queries[query]} to {keys[key]} of {unit.module!r}",
            queries=Positions.of(queries[query]),
            keys=Positions.of(keys[key]),
            texts=Texts(tuple(range(copy * batch, (copy + 1) * batch)), copies * batch),
        )
