"""The logit lens for PyTorch models: the prediction if the model stopped after each layer.

The residual stream before each layer, and after the last, passes through the last norm and the
output matrix, as the model's own last hidden vector does (nostalgebraist 2020, "interpreting GPT:
the logit lens").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ..errors import ConfigError, require
from ..lens.logit_lens import LayerReading, layer_reading
from ..shapes import Float
from .named_values import NamedValues
from .running import Inputs
from .stream.exact import exact
from .stream.nodes import Node, Norm
from .stream.run import StreamRun, stream_run
from .stream.values import logits_from, value_at
from .stream.walk import Places, Walk
from .target import Target, checked_index

if TYPE_CHECKING:
    from pandas import DataFrame

PURPOSE = "The logit lens"
# The tolerance of the last reading against the model's own logits, relative to the largest.
TOLERANCES = {torch.float64: 1e-4, torch.float32: 1e-3}
HALF = 0.1


@dataclass(frozen=True, eq=False)
class LensReadings:
    """The predictions of a model after each number of layers, at one position.

    Attributes:
        row, position: after which something is predicted.
        readings: one for 0, 1, ... layers; the last is the model's own prediction.
        target: by layer, the logit of the target's answer, or its distance above the other token's;
            None without a target.
    """

    row: int
    position: int
    readings: tuple[LayerReading, ...]
    target: NamedValues | None = None

    def __iter__(self) -> Iterator[LayerReading]:
        return iter(self.readings)

    def __len__(self) -> int:
        return len(self.readings)

    def __getitem__(self, layers: int) -> LayerReading:
        return self.readings[layers]

    def to_dataframe(self) -> DataFrame:
        """Return a pandas table with a row for each layer and token that its reading lists.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas = require("pandas", extra="frames", purpose="A table of readings")
        rows = [
            (reading.layers, place, token, probability)
            for reading in self.readings
            for place, (token, probability) in enumerate(
                zip(reading.tokens, reading.probabilities, strict=True), start=1
            )
        ]
        return pandas.DataFrame(rows, columns=["layers", "rank", "token", "probability"])

    def __str__(self) -> str:
        final = self.readings[-1].final_token
        lines = [f"After position {self.position}, token {final} is the model's own choice"]
        for reading in self.readings:
            tokens = "  ".join(
                f"{token} {probability:.3f}"
                for token, probability in zip(reading.tokens, reading.probabilities, strict=True)
            )
            lines.append(f"{reading.layers:4d} layers: rank {reading.final_rank:6d}   {tokens}")
        return "\n".join(lines)

    __repr__ = __str__


def logit_lens(
    model: nn.Module,
    inputs: Inputs,
    target: Target | None = None,
    *,
    row: int = 0,
    position: int = -1,
    count: int = 5,
) -> LensReadings:
    """Return the predictions after each number of layers, at one position.

    It takes one forward pass. If the stream itself is normalised after each addition, only the
    output matrix is applied to its vectors.

    Args:
        model: any module that returns logits, in eval mode.
        inputs: token ids, or the model's arguments by name.
        target: a logit, or a difference, to follow through the layers; its position counts.
        row: of the batch.
        position: after which something is predicted, where there is no target; negative counts
            from the last.
        count: how many tokens each reading lists.

    Raises:
        ConfigError: more than a norm, a product and a bias stands between stream and logits, the
            model's layers cannot be told apart, or it is in training mode or compiled.
        ShapeError: there is no such row, position or token.
    """
    stream = stream_run(model, inputs, PURPOSE, attention=False)
    places = stream.places(row, position if target is None else target.position)
    walk = Walk(stream.name, places)
    walk.follow(stream.node, {0: 1.0})
    hidden, path = _streams(stream, walk, places)
    with torch.no_grad():
        logits = exact(logits_from(path, torch.stack(hidden), stream.dtype))
    _check(logits[-1], stream.logits[places.row, places.position])
    probabilities = logits.softmax(-1).numpy()
    final = int(probabilities[-1].argmax())
    readings = tuple(
        layer_reading(layers, line, final, count) for layers, line in enumerate(probabilities)
    )
    followed = None if target is None else _follow(target, logits, places.row)
    return LensReadings(places.row, places.position, readings, followed)


def _streams(
    stream: StreamRun, walk: Walk, places: Places
) -> tuple[list[Float[Tensor, "d_model"]], list[Node]]:
    """Return the stream after 0, 1, ... layers, and the nodes from the logits back to it."""
    layers = sorted(
        {n for part in walk.parts if (n := stream.layer_of(part.node.stack)) is not None}
    )
    if layers != list(range(len(layers))) or not layers:
        raise ConfigError(
            f"The layers of {stream.name} are not told apart: the modules that add to its stream "
            f"are not in one list of layers (a ModuleList). Their numbers are {layers or 'none'}."
        )
    if any(stream.layer_of(norm.stack) is not None for norm in walk.norms_in_stream):
        return _normalised_streams(stream, walk, places, len(layers))
    sums = [torch.zeros((), dtype=torch.float64) for _ in range(len(layers) + 1)]
    # The output of a norm of the embeddings stands for its inputs.
    addends = dict.fromkeys(part.outer or (part.addend, part.factor) for part in walk.parts)
    for addend, factor in addends:
        layer = stream.layer_of(addend.stack)
        place = 0 if layer is None else layer + 1
        sums[place] = sums[place] + value_at(addend, places) * factor
    return list(torch.stack(torch.broadcast_tensors(*sums)).cumsum(0)), walk.path


def _normalised_streams(
    stream: StreamRun, walk: Walk, places: Places, count: int
) -> tuple[list[Float[Tensor, "d_model"]], list[Node]]:
    """Return the same for a normalised stream: the output of each layer's last norm."""
    ends: dict[int, Norm] = {}
    of_path = [node for node in walk.path if isinstance(node, Norm)]
    for norm in sorted([*walk.norms_in_stream, *of_path], key=lambda one: one.order):
        layer = stream.layer_of(norm.stack)
        ends[0 if layer is None else layer + 1] = norm
    if 0 in ends:
        first = places.vector(ends[0].y)
    else:
        parts = [part for part in walk.parts if stream.layer_of(part.node.stack) is None]
        first = torch.stack([value_at(p.addend, places) * p.factor for p in parts]).sum(0)
    missing = [layer for layer in range(count) if layer + 1 not in ends]
    if missing:
        raise ConfigError(
            f"The stream of {stream.name} has norms in some of its layers, and none in layer "
            f"{missing[0]}; what it says after that layer is not defined."
        )
    hidden = [first, *(places.vector(ends[layer + 1].y) for layer in range(count))]
    return hidden, [node for node in walk.path if not isinstance(node, Norm)]


def _check(last: Float[Tensor, "vocab"], own: Float[Tensor, "vocab"]) -> None:
    """Check that the reading after all layers is the model's own prediction."""
    limit = TOLERANCES.get(own.dtype, HALF) * max(float(own.abs().max()), 1.0)
    error = float((last - exact(own)).abs().max())
    if not error <= limit:
        raise ConfigError(
            f"The stream after all layers does not give the model's own logits: they differ by "
            f"{error:.2g}. Something between them was not seen, so nothing is read."
        )


def _follow(target: Target, logits: Float[Tensor, "layers vocab"], row: int) -> NamedValues:
    """Return the target after each number of layers."""
    answer, against = target.of_row(row)
    values = logits[:, checked_index("token", answer, logits.shape[1])]
    measure = f"logit of token {answer}"
    if against is not None:
        values = values - logits[:, checked_index("token", against, logits.shape[1])]
        measure += f" above that of token {against}"
    names = tuple(map(str, range(len(values))))
    return NamedValues(measure, values.numpy(), {"layers": names}, is_partition=False)
