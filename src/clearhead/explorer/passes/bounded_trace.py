"""A trace of a long text, held only in part; other numbers are recomputed on demand.

The input of every layer is held. When a step of a layer is needed, the layer is run again from its
input; the layers used last stay in memory. Logits are computed only for the positions that are
needed. So a thousand tokens in a model with 50,000 words take no more memory than a few.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from ...config import TransformerConfig
from ...errors import TraceError
from ...reference.layers.multi_head import KeysAndValues
from ...reference.sides import Encoded
from ...reference.tracing.record import Record
from ...reference.tracing.step import Step
from ...reference.transformer import Transformer
from ...shapes import Array
from ..contract.base_edit import Changes
from ..contract.stopping import check
from .encoding import encode
from .passage import Passage
from .step_recorder import OUTPUT, StepRecorder

_ROWS = 8  # positions whose logits are cached


def trace_bytes(config: TransformerConfig, passage: Passage) -> int:
    """Return the approximate memory of all steps of a pass in float64, in bytes."""
    numbers = 0
    for stack, ids in (("encoder", passage.source), ("decoder", passage.target)):
        own, length = config.of_stack(stack), len(ids)
        layers = config.encoder_layers if stack == "encoder" else config.decoder_layers
        crosses = stack == "decoder" and bool(passage.source)
        keys = length + (len(passage.source) if crosses else 0)
        heads = own.num_heads * own.head_dim
        # The stream and its norms, the projections and their results, the feed-forward part.
        row = 10 * config.d_model + (1 + crosses) * 6 * heads + 3 * own.feed_forward_dim
        numbers += layers * length * (row + 4 * own.num_heads * keys)
    positions = len(passage.target) or len(passage.source)
    return 8 * (numbers + 2 * positions * config.vocab_size)


EVERY = slice(None)


class BoundedTrace:
    """The interface of a `clearhead.reference.tracing.trace.Trace`, with bounded memory.

    Attributes:
        empty_rows: the attentions in which some query may attend to no key.

    Args:
        model: in float64.
        passage: the tokens that it reads.
        changes: the changes of steps that the edits make.
        most_bytes: the most memory of the cached layers, besides the last one used.
        predicting: the positions that have logits; None if the pass ends before them.
    """

    def __init__(
        self,
        model: Transformer,
        passage: Passage,
        changes: Changes,
        *,
        most_bytes: int,
        predicting: slice | None = EVERY,
    ) -> None:
        self._model, self._passage, self._changes = model, passage, changes
        self._most_bytes = most_bytes
        self._outline: dict[str, Step] = {}
        self._steps: dict[str, Step] = {}
        self.empty_rows: set[str] = set()
        self._layers: OrderedDict[str, dict[str, Step]] = OrderedDict()
        self._rows: OrderedDict[int, dict[str, Array]] = OrderedDict()
        self._output_paths: frozenset[str] = frozenset()
        self._run(predicting)

    def _run(self, predicting: slice | None) -> None:
        recorder = self._recorder(self._steps)
        self._encoded: Encoded | None = None
        if self._passage.source:
            ids = np.array([self._passage.source])
            self._encoded = encode(self._model, ids, recorder)
            hidden = self._encoded.output
        if self._passage.target:
            ids = np.array([self._passage.target])
            hidden = self._model.decode(ids, self._encoded, trace=recorder)
        if predicting is None:
            return
        self._hidden = hidden = hidden[:, predicting]
        # One position suffices to list the steps; they have one row for each position.
        outside: dict[str, Step] = {}
        before = set(self._outline)
        last = self._recorder({}, OUTPUT)
        self._model.logits(hidden[:, :1], trace=last)
        for path in self._outline.keys() - before:
            step = self._outline[path]
            shape = (step.shape[0], hidden.shape[1], *step.shape[2:])
            outside[path] = replace(step, value=cast("Array", LazyRows(self, path, shape)))
        self._output_paths = frozenset(outside)
        self._outline.update({path: outside[path] for path in self._outline if path in outside})

    def _recorder(
        self,
        steps: dict[str, Step],
        beginning: str | None = None,
        again: Collection[str] = (),
    ) -> StepRecorder:
        """Return a recorder; the steps in ``again`` count as not yet visited."""
        record = Record(None, {})
        record.visited = {path: None for path in self._outline if path not in again}
        return StepRecorder(self._changes, record, steps, self._outline, self.empty_rows, beginning)

    # Reading, as a Trace is read

    @property
    def paths(self) -> list[str]:
        """The paths of all steps, in order."""
        return list(self._outline)

    @property
    def nbytes(self) -> int:
        """The memory that is used, and that may come to be used."""
        return self._most_bytes + sum(step.value.nbytes for step in self._steps.values())

    def __len__(self) -> int:
        return len(self._outline)

    def __iter__(self) -> Iterator[Step]:
        """Yield every step, without its numbers."""
        return iter(self._outline.values())

    def __contains__(self, path: object) -> bool:
        return path in self._outline

    def __getitem__(self, path: str) -> Step:
        """Return a step with its numbers.

        Raises:
            TraceError: there is none.
        """
        if path in self._output_paths:
            return self._outline[path]
        if path in self._steps:
            return self._steps[path]
        if path not in self._outline:
            raise TraceError(f"No recorded step is called {path!r}.")
        return self._layer(path)[path]

    # Computing again

    def _layer(self, path: str) -> dict[str, Step]:
        """Return all steps of the layer that a path belongs to."""
        stack, _, rest = path.partition(".layers.")
        number = int(rest.partition(".")[0])
        scope = f"{stack}.layers.{number}."
        if scope in self._layers:
            self._layers.move_to_end(scope)
            return self._layers[scope]
        check()
        steps: dict[str, Step] = {}
        again = {path for path in self._outline if path.startswith(scope)}
        recorder = self._recorder(steps, scope, again)
        self._from(stack, number, recorder)
        self._layers[scope] = steps
        while len(self._layers) > 1 and _size(self._layers.values()) > self._most_bytes:
            self._layers.popitem(last=False)
        return steps

    def _from(self, stack: str, number: int, recorder: StepRecorder) -> None:
        """Run one layer from its input; the others pass their input through."""
        model = copy.copy(self._model)
        layers: list[Any] = [_HandingOn()] * len(getattr(model, f"{stack}_layers"))
        begin = self._steps[f"{stack}.layers.{number}.input"].value
        layers[number] = _Beginning(getattr(model, f"{stack}_layers")[number], begin)
        setattr(model, f"{stack}_layers", layers)
        if stack == "encoder":
            encode(model, np.array([self._passage.source]), recorder)
        else:
            model.decode(np.array([self._passage.target]), self._encoded, trace=recorder)

    def output_rows(self, path: str, start: int, stop: int) -> Array:
        """Return some positions of a step after the layers, ["1 positions ..."]."""
        places = range(start, stop)
        if all(row in self._rows for row in places):
            for row in places:
                self._rows.move_to_end(row)
            return np.concatenate([self._rows[row][path] for row in places], axis=1)
        steps: dict[str, Step] = {}
        recorder = self._recorder(steps, OUTPUT, self._output_paths)
        self._model.logits(self._hidden[:, start:stop], trace=recorder)
        if stop - start <= _ROWS:
            for place, row in enumerate(places):
                self._rows[row] = {
                    name: step.value[:, place : place + 1] for name, step in steps.items()
                }
                if len(self._rows) > _ROWS:
                    self._rows.popitem(last=False)
        return steps[path].value


class LazyRows:
    """The numbers of a step after the layers, computed on demand for the positions needed.

    Attributes:
        shape: of the whole array.
        nbytes: 0, since nothing is held.
    """

    nbytes = 0
    dtype = np.dtype(np.float64)
    _SOME = 32  # positions computed together

    def __init__(self, trace: BoundedTrace, path: str, shape: Sequence[int]) -> None:
        self._trace, self._path, self.shape = trace, path, tuple(shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, spans: tuple[slice, ...]) -> Array:
        """Return a window: one slice for each axis."""
        batch, rows, *rest = spans
        start, stop, _ = rows.indices(self.shape[1])
        parts = [
            self._trace.output_rows(self._path, first, min(first + self._SOME, stop))[
                (batch, slice(None), *rest)
            ]
            for first in range(start, stop, self._SOME)
        ]
        return np.concatenate(parts, axis=1)


class _HandingOn:
    """A layer that is skipped."""

    class _NoMemory:
        def memory(self, *arguments: Any, **options: Any) -> None:
            return None

    cross_attention = _NoMemory()

    def __call__(self, x: Array, *arguments: Any, **options: Any) -> Array:
        return x


class _Beginning:
    """A layer that reads a stored input instead of the one passed to it."""

    def __init__(self, layer: Any, x: Array) -> None:
        self._layer, self._x = layer, x
        self.cross_attention = getattr(layer, "cross_attention", None)

    def __call__(self, x: Array, *arguments: KeysAndValues | None, **options: Any) -> Array:
        result: Array = self._layer(self._x, *arguments, **options)
        return result


def _size(layers: Iterable[dict[str, Step]]) -> int:
    return sum(step.value.nbytes for steps in layers for step in steps.values())
