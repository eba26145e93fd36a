"""Attribution patching of nodes: embeddings, attentions and feed-forward layers as wholes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from torch import Tensor, nn

from ...errors import ConfigError
from ...shapes import Array, Float
from ..named_values import NamedValues
from ..running import Inputs, written_out
from ..stream.exact import exact
from ..stream.head_parts import AttentionRows
from ..stream.run import stream_run
from ..stream.walk import Walk
from ..summands import is_parameter, module_of, path_of
from ..taps import Tap, gradients, on_outputs
from ..target import Metric, logits_of
from .pair import PURPOSE, PairRuns, Side, by_rows, check_pair, difference

MEASURE = "estimated effect of the clean run's number"


def attribute_nodes(
    model: nn.Module,
    clean: Inputs,
    corrupted: Inputs,
    metric: Metric,
    *,
    modules: Sequence[str] | None = None,
    at: Side = "corrupted",
) -> NamedValues:
    """Estimate what patching each node from the clean run into the corrupted one does to a metric.

    (x_clean - x_corrupted) . d metric / d x, for the output x of each node, at each position, in
    two forward passes and one backward (Nanda 2023, "Attribution patching: activation patching at
    industrial scale"). Positive where the clean run's number raises the metric. Gradients go
    through the fused kernel.

    Args:
        model: any module, in eval mode.
        clean, corrupted: inputs of equal token counts.
        metric: a `Target`, or a function of the model's output.
        modules: names of the modules whose outputs are the nodes; None for all that add to the
            stream that the logits come from, which takes one more forward pass to find.
        at: the run whose gradient is taken.

    Returns:
        values by node and position, summed over the rows of the batch.

    Raises:
        ConfigError: the model cannot be attributed, or a module is called several times.
        ShapeError: clean and corrupted inputs have different token counts.
    """
    check_pair(model, clean, corrupted, at)
    notes: tuple[str, ...] = ()
    if modules is None:
        names, notes = node_modules(model, clean)
    else:
        names = {name: name for name in modules}
    modules_of_nodes = list(names.values())
    runs = PairRuns.of(
        model, (clean, corrupted), metric, at, lambda: _on_nodes(model, modules_of_nodes)
    )
    for name, tap in runs.clean.items():
        if len(tap.values) != 1:
            raise ConfigError(
                f"{name!r} was called {len(tap.values)} times in one run; a node is one call."
            )
    shape = _shape(runs.output)
    grads = gradients(runs.value, [tap.edges[0] for tap in runs.own.values()])
    rows = {}
    for (name, module), gradient in zip(names.items(), grads, strict=True):
        change = difference(name, runs.clean[module].values, runs.corrupted[module].values)[0]
        gradient = None if gradient is None else by_rows(gradient, *shape)
        rows[name] = by_position(by_rows(change, *shape), gradient)
    return _table(rows, notes)


@contextmanager
def _on_nodes(model: nn.Module, modules: Sequence[str]) -> Iterator[dict[str, Tap]]:
    """Note the outputs of modules in a run, by name."""
    taps = {module: Tap() for module in modules}
    with written_out(), on_outputs(model, dict(taps)):
        yield taps


def node_modules(model: nn.Module, inputs: Inputs) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the parts that add to the stream, with their modules, in order.

    Returns:
        the modules by the names of the nodes, and notes on parts that no module returns.
    """
    stream = stream_run(model, inputs, PURPOSE)
    places = stream.places(0, -1)
    walk = Walk(stream.name, places)
    walk.follow(stream.node, {0: 1.0})
    assert stream.recording is not None
    rows = AttentionRows(stream.recording, places)
    modules: dict[str, str] = {}
    notes: list[str] = []
    for part in sorted(walk.parts, key=lambda part: part.node.order):
        shares = rows.shares(part)
        name = path_of(part) if shares is None else shares.name
        module = module_of(part)
        if module is not None:
            modules[module if name in modules else name] = module
        elif not is_parameter(part):
            notes.append(f"{name} is added to the stream, but no module returns it: it is no node")
    return modules, tuple(notes)


def _shape(output: Any) -> tuple[int, int]:
    """Return how many rows and positions the logits of a run have; zeros where there are none."""
    try:
        batch, length, _ = logits_of(output).shape
    except ConfigError:
        return 0, 0
    return batch, length


def by_position(change: Tensor, gradient: Tensor | None) -> Float[Array, "length"]:
    """Return difference times gradient, summed over rows and entries; 0 without a gradient."""
    if gradient is None:
        return np.zeros(change.shape[-2])
    product = (exact(change) * exact(gradient)).sum(-1)
    return product.reshape(-1, product.shape[-1]).sum(0).numpy()


def _table(rows: dict[str, Array], notes: tuple[str, ...]) -> NamedValues:
    if not rows:
        raise ConfigError(f"There are no nodes. {' '.join(notes)}".strip())
    length = max(map(len, rows.values()))
    values = np.full((len(rows), length), np.nan)
    for line, row in zip(values, rows.values(), strict=True):
        line[: len(row)] = row
    axes = {"node": tuple(rows), "position": tuple(map(str, range(length)))}
    return NamedValues(MEASURE, values, axes, notes, is_partition=False)
