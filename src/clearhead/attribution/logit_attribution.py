"""Direct logit attribution: what each head, layer, token and embedding added to a logit.

The residual stream is a sum, and a logit is linear in it if the scale of the last norm is fixed at
its value for this position; so the shares of all summands add up to the logit. These are direct
effects: what a head wrote at earlier positions, and other heads moved here, counts as theirs
(Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits").
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ..errors import ConfigError, require
from ..shapes import Array, Float
from .named_values import NamedValues
from .running import Inputs
from .stream.exact import exact
from .stream.nodes import Node, SoftCap, Sum
from .stream.run import StreamRun, stream_run
from .stream.walk import Walk
from .summands import Divider, Summand, check_sum
from .target import Target, checked_index

if TYPE_CHECKING:
    from pandas import DataFrame

PURPOSE = "Direct logit attribution"
# The tolerance of the sum, relative to the sizes of the summands. It covers rounding, including
# that of float32, in which norms of float64 models often compute.
TOLERANCES = {torch.float64: 1e-5, torch.float32: 1e-4}
HALF = 0.05


@dataclass(frozen=True, eq=False)
class LogitAttribution:
    """A logit, or a difference of two, and the summands that make it.

    Attributes:
        answer: id of the token whose logit it is.
        against: id of the token whose logit is subtracted; None for none.
        row, position: at which they are predicted.
        logit: the logit, or the difference, as the model computed it; before a soft cap where
            there is one.
        summands: from the embedding to the output's bias.
        notes: remarks for a reader of the numbers.
    """

    answer: int
    against: int | None
    row: int
    position: int
    logit: float
    summands: tuple[Summand, ...]
    notes: tuple[str, ...] = ()
    _sources: Mapping[str, Float[Array, "heads key_len"]] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """The sum of all summands."""
        return math.fsum(summand.value for summand in self.summands)

    @property
    def error(self) -> float:
        """The distance of the sum from the logit, which is only rounding."""
        return abs(self.total - self.logit)

    def largest(self, count: int = 10) -> list[Summand]:
        """Return the summands that move the logit most, up or down."""
        return sorted(self.summands, key=lambda summand: -abs(summand.value))[:count]

    def by_layer(self) -> dict[str, float]:
        """Return the sum of each layer's summands, and the sums of those outside of layers."""
        sums: dict[str, float] = {}
        for summand in self.summands:
            place = summand.kind if summand.layer is None else f"layer {summand.layer}"
            sums[place] = sums.get(place, 0.0) + summand.value
        return sums

    def heads(self) -> NamedValues:
        """Return the shares of all heads, by module and head; NaN where a module has fewer.

        Raises:
            ConfigError: no heads could be separated.
        """
        rows: dict[str, list[float]] = {}
        for summand in self.summands:
            if summand.kind == "head":
                rows.setdefault(summand.path, []).append(summand.value)
        if not rows:
            raise ConfigError(f"No heads were told apart. {' '.join(self.notes)}".strip())
        most = max(map(len, rows.values()))
        values = np.full((len(rows), most), np.nan)
        for line, row in zip(values, rows.values(), strict=True):
            line[: len(row)] = row
        axes = {"module": tuple(rows), "head": tuple(map(str, range(most)))}
        return NamedValues("added to the logit", values, axes, self.notes)

    def sources(self, module: str, tokens: Sequence[str] | None = None) -> NamedValues:
        """Return what each token read by a module's heads added to the logit.

        A head's tokens sum to the head.

        Args:
            module: a module that attended, by its name in the model.
            tokens: names of the tokens; None for their positions.

        Raises:
            ConfigError: its heads could not be separated, or the number of names is wrong.
        """
        if module not in self._sources:
            raise ConfigError(
                f"{module!r} has no heads that could be separated; there are "
                f"{', '.join(map(repr, self._sources)) or 'none'}."
            )
        values = self._sources[module]
        heads, length = values.shape
        if tokens is not None and len(tokens) != length:
            raise ConfigError(f"{module!r} reads {length} tokens; {len(tokens)} names came.")
        places = map(str, range(length))
        labels = [f"{i} {token}" for i, token in zip(places, tokens or [""] * length, strict=True)]
        axes = {
            "head": tuple(map(str, range(heads))),
            "token": tuple(label.rstrip() for label in labels),
        }
        return NamedValues("added to the logit", values, axes, self.notes)

    def to_dataframe(self) -> DataFrame:
        """Return a pandas table with a row for each summand.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas = require("pandas", extra="frames", purpose="A table of attributions")
        names = ("path", "kind", "layer", "head", "value")
        return pandas.DataFrame({name: [getattr(s, name) for s in self.summands] for name in names})

    def plot(self, **settings: Any) -> Any:
        """Draw the shares of all heads: the arguments of `NamedValues.plot`."""
        return self.heads().plot(**settings)

    def __str__(self) -> str:
        against = "" if self.against is None else f" above that of token {self.against}"
        rows = [f"{summand.value:+12.6f}  {summand.name}" for summand in self.largest()]
        rest = len(self.summands) - len(rows)
        more = [f"{'':12s}  and {rest} more"] if rest > 0 else []
        head = (
            f"Logit of token {self.answer}{against} after position {self.position}: "
            f"{self.logit:.6f}"
        )
        return "\n".join([head, *rows, *more, *(f"note: {note}" for note in self.notes)])

    __repr__ = __str__


def attribute_logit(
    model: nn.Module, inputs: Inputs, target: Target | None = None, *, row: int = 0
) -> LogitAttribution:
    """Return what every part of the last stack adds to one logit, or to a difference of two.

    It takes one forward pass, with fused attention on. What is added to the stream is read from the
    operators that run, whatever the family of the model; the sum is compared with the model's
    logit.

    Args:
        model: any module that returns logits, in eval mode.
        inputs: token ids, or the model's arguments by name.
        target: whose logit, and where; None for the likeliest token at the last position.
        row: of the batch.

    Raises:
        ConfigError: more than a norm, a product and a bias stands between stream and logits, the
            parts do not sum to the logit, or the model is in training mode or compiled.
        ShapeError: there is no such row, position or token.
    """
    stream = stream_run(model, inputs, PURPOSE)
    places = stream.places(row, -1 if target is None else target.position)
    logits = exact(stream.logits[places.row, places.position])
    answer, against = (int(logits.argmax()), None) if target is None else target.of_row(places.row)
    answer = checked_index("token", answer, len(logits))
    against = None if against is None else checked_index("token", against, len(logits))
    tokens = {answer: 1.0} if against is None else {answer: 1.0, against: -1.0}
    if answer == against:
        raise ConfigError(f"The token {answer} is compared with itself: the difference is 0.")
    walk = Walk(stream.name, places)
    walk.follow(stream.node, tokens)
    division = Divider(stream, places).divide(walk)
    values = _uncapped(logits[list(tokens)], walk.path)
    logit = math.fsum(v * f for v, f in zip(values.tolist(), tokens.values(), strict=True))
    _check(stream, division.summands, logit)
    return LogitAttribution(
        answer,
        against,
        places.row,
        places.position,
        logit,
        division.summands,
        division.notes,
        division.sources,
    )


def _uncapped(logits: torch.Tensor, path: Sequence[Node]) -> torch.Tensor:
    """Return logits before their soft cap, if there is one."""
    cap = 1.0
    for node in path:
        if isinstance(node, SoftCap):
            return cap * torch.atanh(logits / cap)
        cap *= node.terms[0][0] if isinstance(node, Sum) else 1.0
    return logits


def _check(stream: StreamRun, summands: Sequence[Summand], logit: float) -> None:
    total = math.fsum(summand.value for summand in summands)
    size = math.fsum(abs(summand.value) for summand in summands)
    check_sum(total, logit, size, TOLERANCES.get(stream.logits.dtype, HALF))
