"""Edge attribution patching: the effects of what one part of a model passes to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ...interventions.edits import HEADS, KEY, QUERY, VALUE
from ...shapes import Array, Float
from ..embeddings import EmbeddingCall, note_embeddings, on_embeddings
from ..named_values import NamedValues
from ..running import Inputs, run, written_out
from ..stream.exact import exact
from ..taps import Substitute, Tap, gradients, on_inputs, on_outputs
from ..target import Metric, value_of
from .edge_graph import EdgeGraph, Sink, edge_graph
from .heads import HeadTaps, on_heads
from .pair import Side, by_rows, check_pair, difference

MEASURE = "estimated effect of the clean run's number along the edge"
# The share of what a module reads apart from its heads, below which it counts as rounding.
BESIDE = {torch.float64: 1e-5, torch.float32: 1e-4}
HALF = 0.1


def attribute_edges(
    model: nn.Module,
    clean: Inputs,
    corrupted: Inputs,
    metric: Metric,
    *,
    at: Side = "clean",
    steps: int | None = None,
) -> NamedValues:
    r"""Estimate what patching each edge from the clean run into the corrupted one does to a metric.

    An edge carries what one part (an embedding, a head, a feed-forward layer) added to the stream
    to another that reads it (the query, key or value of a head, a feed-forward layer, the logits):
    :math:`(u_{clean} - u_{corrupted}) \cdot \partial m / \partial v`, with ``u`` what was added and
    the gradient with respect to the input of that reader only (edge attribution patching: Syed et
    al. 2023, arXiv 2310.10348). With ``steps`` the gradient is the mean over runs between the two,
    with the embeddings :math:`e_{corrupted} + k/steps (e_{clean} - e_{corrupted})` (EAP-IG: Hanna
    et al. 2024, arXiv 2403.17806). Positive where the clean run's number raises the metric; the
    papers give effects of corrupting, which have the opposite sign.

    It takes three forward passes, one backward pass, and a small backward pass for each query, key
    and value of a head; with ``steps``, that many forward and backward passes.

    Args:
        model: any module with norms before its sublayers, in eval mode.
        clean, corrupted: inputs of equal token counts.
        metric: a `Target`, or a function of the model's output.
        at: the run whose gradient is taken, if there are no steps.
        steps: the number of steps from the corrupted to the clean run.

    Returns:
        values by source and reader, summed over positions and the rows of the batch; NaN where
        there is no edge.

    Raises:
        ConfigError: the model cannot be attributed, or normalises its stream itself.
        ShapeError: clean and corrupted inputs have different token counts.
    """
    check_pair(model, clean, corrupted, at)
    if steps is not None and steps < 1:
        raise ConfigError(f"The path between the runs needs at least one step; got {steps}.")
    graph = edge_graph(model, clean)
    first, second = (_sources_of(model, inputs, graph) for inputs in (clean, corrupted))
    changes = list(_changes(graph, first, second))
    scores = _Scores(graph, changes)
    if steps is None:
        inputs = clean if at == "clean" else corrupted
        scores.add(_GradientRun(model, inputs, metric, graph, None), 1.0)
    else:
        for step in range(1, steps + 1):
            vectors = _between(first.embeddings, second.embeddings, step / steps)
            scores.add(_GradientRun(model, corrupted, metric, graph, vectors), 1.0 / steps)
    return scores.table()


@dataclass(frozen=True, eq=False)
class _SourceRun:
    """What was added to the stream in a run, and the embeddings that it looked up."""

    outputs: Mapping[str, Tap]
    heads: HeadTaps
    embeddings: list[EmbeddingCall]


def _sources_of(model: nn.Module, inputs: Inputs, graph: EdgeGraph) -> _SourceRun:
    outputs = {source.module: Tap() for source in graph.sources if source.weight is None}
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        stack.enter_context(written_out())
        stack.enter_context(on_outputs(model, dict(outputs)))
        embeddings = stack.enter_context(note_embeddings(model))
        parts = stack.enter_context(on_heads(model))
        run(model, inputs)
    return _SourceRun(outputs, parts[HEADS], embeddings)


def _changes(
    graph: EdgeGraph, clean: _SourceRun, corrupted: _SourceRun
) -> Iterator[tuple[list[str], Float[Tensor, "parts batch length d_model"]]]:
    """Yield, for each source, the names of its parts and the clean minus corrupted numbers."""
    for source in graph.sources:
        if source.weight is None:
            pair = (one.outputs[source.module].values for one in (clean, corrupted))
            change = by_rows(_single(source.module, *pair), *graph.shape)
            yield [source.name], change[None] * source.factor
            continue
        pair = (one.heads[source.module].values for one in (clean, corrupted))
        z = _single(source.module, *pair)
        heads = z.shape[1]
        weight = source.weight.unflatten(0, (heads, -1))
        addends = torch.einsum("bhlv,hvd->hbld", z, weight.to(z.dtype)) * source.factor
        yield [f"{source.name} head {head}" for head in range(heads)], addends


def _single(name: str, clean: list[Tensor], corrupted: list[Tensor]) -> Tensor:
    changes = difference(name, clean, corrupted)
    if len(changes) != 1:
        raise ConfigError(f"{name!r} ran {len(changes)} times in one run; an edge starts at one.")
    return changes[0]


def _between(
    clean: list[EmbeddingCall], corrupted: list[EmbeddingCall], share: float
) -> list[Tensor]:
    """Return embeddings between those of the corrupted and the clean run."""
    return [
        b.vectors + share * (a.vectors - b.vectors) for a, b in zip(clean, corrupted, strict=True)
    ]


class _GradientRun:
    """A run with the gradient of the metric with respect to each reader's input.

    Args:
        model, inputs, metric: of the run.
        graph: the ends of the edges.
        vectors: embeddings in place of the run's own; None for those.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Inputs,
        metric: Metric,
        graph: EdgeGraph,
        vectors: list[Tensor] | None,
    ) -> None:
        self._shape = graph.shape
        self._readers = {name: Tap() for sink in graph.sinks for name in sink.readers}
        with ExitStack() as stack:
            stack.enter_context(torch.enable_grad())
            stack.enter_context(written_out())
            stack.enter_context(on_inputs(model, dict(self._readers)))
            if vectors is not None:
                substitute = Substitute(vectors)
                stack.enter_context(on_embeddings(model, lambda name, ids, x: substitute(x)))
            self._parts = stack.enter_context(on_heads(model, (QUERY, KEY, VALUE)))
            value = value_of(metric, run(model, inputs))
        taps = [*self._readers.values()]
        edges = [tap.edges[0] for tap in taps]
        own = {sink.attention for sink in graph.sinks if sink.attention is not None}
        self._heads = {
            (part, name): tap.tensors[0]
            for part, of_part in self._parts.items()
            for name, tap in of_part.items()
            if name in own
        }
        head_edges = [self._parts[part][name].edges[0] for part, name in self._heads]
        results = gradients(value, [*edges, *head_edges], again=True)
        self._of_readers = dict(zip(self._readers, results[: len(taps)], strict=True))
        self._of_heads = dict(zip(self._heads, results[len(taps) :], strict=True))

    def of(self, sink: Sink) -> Iterator[tuple[str, Float[Tensor, "batch length d_model"]]]:
        """Yield the gradients of a sink's inputs, by the names of the readers."""
        total = self._whole([self._of_readers[name] for name in sink.readers])
        if total is None:
            return
        rest = total
        for part in (QUERY, KEY, VALUE):
            if (part, sink.attention) not in self._heads:
                continue
            for head, gradient in enumerate(self._per_head(part, sink)):
                rest = rest - gradient
                yield f"{sink.attention} head {head} {part}", gradient
        others = [name for name in sink.names if name != sink.attention]
        if others:
            yield " and ".join(others), rest
        elif float(rest.abs().max()) > BESIDE.get(rest.dtype, HALF) * float(total.abs().max()):
            yield f"{sink.attention} beside its heads", rest

    def _whole(
        self, gradients: list[Tensor | None]
    ) -> Float[Tensor, "batch length d_model"] | None:
        """Return the sum of the gradients of several inputs; None if there are none."""
        rest = [x for x in gradients if x is not None]
        return by_rows(torch.stack(rest).sum(0), *self._shape) if rest else None

    def _per_head(self, part: str, sink: Sink) -> Iterator[Float[Tensor, "batch length d_model"]]:
        """Yield the inputs' gradient through the query, key or value of each head."""
        assert sink.attention is not None
        x, gradient = self._heads[part, sink.attention], self._of_heads[part, sink.attention]
        readings = [self._readers[name].edges[0] for name in sink.readers]
        if gradient is None:
            return
        for head in range(x.shape[1]):
            alone = torch.zeros_like(gradient)
            alone[:, head] = gradient[:, head]
            own = torch.autograd.grad(
                x, readings, grad_outputs=alone, retain_graph=True, allow_unused=True
            )
            total = self._whole(list(own))
            if total is None:
                return  # read from elsewhere, such as keys of another stream
            yield total


class _Scores:
    """The edges' numbers, gathered run by run.

    Args:
        graph: the ends of the edges.
        changes: for each source, the names of its parts and their differences.
    """

    def __init__(self, graph: EdgeGraph, changes: list[tuple[list[str], Tensor]]) -> None:
        self._graph, self._changes = graph, changes
        self._columns: dict[str, Array] = {}

    def add(self, gradient_run: _GradientRun, weight: float) -> None:
        """Add the numbers of a run, times a weight."""
        for sink in self._graph.sinks:
            for name, gradient in gradient_run.of(sink):
                column = self._column(sink, gradient) * weight
                before = self._columns.get(name)
                self._columns[name] = column if before is None else before + column

    def _column(self, sink: Sink, gradient: Tensor) -> Float[Array, "sources"]:
        """Return difference times gradient for every source; NaN for those that are not read."""
        pieces = []
        for place, (names, change) in enumerate(self._changes):
            if place in sink.sources:
                product = (exact(change) * exact(gradient)).flatten(1).sum(1)
                pieces.append(product.numpy())
            else:
                pieces.append(np.full(len(names), np.nan))
        return np.concatenate(pieces)

    def table(self) -> NamedValues:
        """Return all numbers."""
        axes = {
            "source": tuple(name for names, _ in self._changes for name in names),
            "reader": tuple(self._columns),
        }
        values = np.stack(list(self._columns.values()), axis=1)
        return NamedValues(MEASURE, values, axes, self._graph.notes, is_partition=False)
