"""Attribution patching of all heads at once: two forward passes and one backward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import ConfigError
from ...interventions.edits import HEADS, Place, TensorEdit
from ...interventions.intervene import intervene
from ...shapes import Array, Float
from ..named_values import NamedValues
from ..running import Inputs
from ..stream.exact import exact
from ..taps import Tap, gradients
from ..target import Metric
from .nodes import MEASURE
from .pair import PairRuns, Side, check_pair, difference

HeadTaps = dict[str, Tap]


def attribute_heads(
    model: nn.Module,
    clean: Inputs,
    corrupted: Inputs,
    metric: Metric,
    *,
    at: Side = "corrupted",
    by_position: bool = False,
) -> NamedValues:
    """Estimate what patching each head from the clean run into the corrupted one does to a metric.

    (z_clean - z_corrupted) . d metric / d z, for the output z of each head of each attention, in
    two forward passes and one backward (Nanda 2023, "Attribution patching: activation patching at
    industrial scale"). Positive where the clean run's head raises the metric. The heads' outputs
    are those of the fused kernel, which stays on, and gradients go through it.

    Args:
        model: any module whose heads `clearhead.intervene` can edit, in eval mode.
        clean, corrupted: inputs of equal token counts.
        metric: a `Target`, or a function of the model's output.
        at: the run whose gradient is taken.
        by_position: whether the positions of the queries are an axis of their own, or summed over.

    Returns:
        values by module, head and perhaps position, summed over the rows of the batch; NaN where
        a module has fewer heads or positions than another.

    Raises:
        ConfigError: the model cannot be attributed, or none of its heads can be edited.
        ShapeError: clean and corrupted inputs have different token counts.
    """
    check_pair(model, clean, corrupted, at)
    runs = PairRuns.of(model, (clean, corrupted), metric, at, lambda: on_heads(model))
    first, second, own = (side[HEADS] for side in (runs.clean, runs.corrupted, runs.own))
    if first.keys() != second.keys() or not first:
        raise ConfigError(
            f"The clean run attended in {', '.join(first) or 'no module'}, the corrupted run in "
            f"{', '.join(second) or 'no module'}; heads can be compared where both attended."
        )
    edges = [edge for tap in own.values() for edge in tap.edges]
    results = iter(gradients(runs.value, edges))
    rows: dict[str, Array] = {}
    for name in own:
        changes = difference(name, first[name].values, second[name].values)
        for call, change in enumerate(changes):
            label = name if len(changes) == 1 else f"{name} call {call}"
            rows[label] = _by_position(change, next(results))
    assert next(results, None) is None
    return _table(rows, by_position=by_position)


@contextmanager
def on_heads(model: nn.Module, parts: Sequence[str] = (HEADS,)) -> Iterator[dict[str, HeadTaps]]:
    """Note the heads of every attention of a run, by the names of the modules that attended.

    Args:
        model: the model.
        parts: of the heads: their outputs, or ``"query"``, ``"key"`` or ``"value"``.
    """
    taps: dict[str, HeadTaps] = {part: {} for part in parts}

    def note(x: Tensor, place: Place) -> Tensor:
        return taps[place.part].setdefault(place.module, Tap())(x)

    with intervene(model) as edits:
        for part in parts:
            edit = TensorEdit(f"the attribution of each attention's {part}", None, part, note)
            edit.applied = True  # if nothing attends, the caller reports it
            # Which modules attend is unknown before they do, so the edits name the first attention,
            # the second and so on, up to the number of modules.
            for number, _ in enumerate(model.modules()):
                edits.add(number, edit)
        yield taps


def _by_position(
    change: Float[Tensor, "batch heads length head_dim"], gradient: Tensor | None
) -> Float[Array, "heads length"]:
    if gradient is None:
        return np.zeros((change.shape[1], change.shape[2]))
    return torch.einsum("bhld,bhld->hl", exact(change), exact(gradient)).numpy()


def _table(rows: Mapping[str, Array], *, by_position: bool) -> NamedValues:
    heads = max(len(row) for row in rows.values())
    length = max(row.shape[1] for row in rows.values())
    values = np.full((len(rows), heads, length), np.nan)
    for block, row in zip(values, rows.values(), strict=True):
        block[: row.shape[0], : row.shape[1]] = row
    axes = {"module": tuple(rows), "head": tuple(map(str, range(heads)))}
    if by_position:
        axes["position"] = tuple(map(str, range(length)))
    else:
        exists = np.isfinite(values).any(-1)
        values = np.where(exists, np.nansum(values, -1), np.nan)
    return NamedValues(MEASURE, values, axes, is_partition=False)
