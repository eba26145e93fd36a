"""Attribution to the input tokens: input times gradient, and integrated gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import ConfigError, ShapeError, require
from ..shapes import Array, Float
from .embeddings import EmbeddingCall, note_embeddings, on_embeddings, token_calls
from .named_values import NamedValues
from .running import Inputs, check_model, run, written_out
from .stream.exact import exact
from .taps import Substitute, gradients
from .target import Metric, value_of

if TYPE_CHECKING:
    from pandas import DataFrame

Method = Literal["input_x_gradient", "integrated_gradients"]
PURPOSE = "Attribution to tokens"


@dataclass(frozen=True, eq=False)
class InputAttribution:
    """How much each input token contributed to a metric.

    Attributes:
        method: how it was computed.
        metric: the metric of the inputs.
        baseline: the metric of the baseline; NaN for input times gradient, which has none.
        shares: the shares of the tokens, by input, with the axes row and position.
    """

    method: Method
    metric: float
    baseline: float
    shares: dict[str, NamedValues]

    @property
    def total(self) -> float:
        """The sum of all shares."""
        return sum(values.total for values in self.shares.values())

    @property
    def completeness_error(self) -> float:
        """The error of the sum of shares, which should be the metric minus the baseline's.

        For integrated gradients it is the error of the numerical integral, which decreases with
        more steps; NaN for input times gradient, whose sum has no meaning.
        """
        return abs(self.total - (self.metric - self.baseline))

    def __getitem__(self, name: str) -> NamedValues:
        """Return the shares of an input, by its name: ``"input_ids"``.

        Raises:
            ConfigError: there is no such input.
        """
        if name not in self.shares:
            raise ConfigError(
                f"There are no shares of {name!r}; there are those of {', '.join(self.shares)}."
            )
        return self.shares[name]

    def to_dataframe(self) -> DataFrame:
        """Return a pandas table: the columns ``input``, ``row``, ``position`` and ``value``.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        pandas = require("pandas", extra="frames", purpose="A table of attributions")
        tables = [values.to_dataframe().assign(input=name) for name, values in self.shares.items()]
        columns = ["input", "row", "position", "value"]
        return pandas.concat(tables, ignore_index=True)[columns]

    def __str__(self) -> str:
        lines = [f"{self.method}: metric {self.metric:.6f}"]
        if self.method == "integrated_gradients":
            lines[0] += (
                f", baseline {self.baseline:.6f}, the shares sum to {self.total:.6f} "
                f"(error {self.completeness_error:.2g})"
            )
        return "\n".join([*lines, *(f"{name}: {v}" for name, v in self.shares.items())])

    __repr__ = __str__


def attribute_inputs(
    model: nn.Module,
    inputs: Inputs,
    metric: Metric,
    *,
    method: Method = "integrated_gradients",
    baseline: Inputs | None = None,
    steps: int = 16,
) -> InputAttribution:
    r"""Return what each token did to a metric, by the gradient of its embedding.

    ``input_x_gradient``: :math:`x_i \cdot \partial m / \partial x_i` (Denil et al. 2014,
    arXiv 1412.6815). ``integrated_gradients``: :math:`(x_i - x'_i) \cdot \int_0^1 \partial m(x' +
    a (x - x')) / \partial x_i \, da` (Sundararajan et al. 2017, arXiv 1703.01365), whose shares sum
    to :math:`m(x) - m(x')`; the integral is a Gauss-Legendre sum of ``steps`` points, and its error
    is measured and returned. A positive share raises the metric.

    Only token embeddings get shares; position embeddings are the same in the baseline. Gradients go
    through the fused kernel.

    Args:
        model: any module, in eval mode.
        inputs: token ids, or the model's arguments by name.
        metric: a `Target`, or a function of the model's output.
        method: which of the two.
        baseline: inputs of the same shapes, such as padding tokens; None for embeddings of zero.
        steps: points of the integral; each is a forward and a backward pass.

    Raises:
        ConfigError: there is no such method, no module looks up the ids, or the metric has no
            gradient.
        ShapeError: the baseline has other shapes than the inputs.
    """
    _check(model, method, steps)
    with written_out():
        calls, value = _looked_up(model, inputs, metric)
        places = token_calls(calls, inputs)
        ends = _baseline(model, calls, places, baseline, metric)
        path = _Path(model, inputs, metric, {place: calls[place].vectors for place in places}, ends)
        if method == "input_x_gradient":
            base_value, sums = float("nan"), path.gradients_at(1.0)[1]
            shares = {place: path.vectors[place] * g for place, g in sums.items()}
        else:
            points, weights = np.polynomial.legendre.leggauss(steps)
            sums = path.integral((points + 1) / 2, weights / 2)
            base_value = path.value_at(0.0)
            shares = {p: exact(path.vectors[p] - ends[p]) * g for p, g in sums.items()}
    by_name = {name: _by_token(shares[place], calls[place]) for place, name in places.items()}
    return InputAttribution(method, value, base_value, by_name)


def _check(model: nn.Module, method: str, steps: int) -> None:
    """Check the arguments of the attribution.

    Raises:
        ConfigError: the model cannot be attributed, or there is no such method or integral.
    """
    check_model(model, PURPOSE)
    if method not in ("input_x_gradient", "integrated_gradients"):
        raise ConfigError(
            f"method is 'input_x_gradient' or 'integrated_gradients'; got {method!r}."
        )
    if steps < 1:
        raise ConfigError(f"The integral needs at least one step; got {steps}.")


def _looked_up(
    model: nn.Module, inputs: Inputs, metric: Metric
) -> tuple[list[EmbeddingCall], float]:
    """Return the look-ups of a run, and its metric."""
    with torch.no_grad(), note_embeddings(model) as calls:
        output = run(model, inputs)
        return calls, float(value_of(metric, output))


def _baseline(
    model: nn.Module,
    calls: Sequence[EmbeddingCall],
    places: dict[int, str],
    baseline: Inputs | None,
    metric: Metric,
) -> dict[int, Tensor]:
    """Return the vectors of the baseline, by the places of the calls."""
    if baseline is None:
        return {place: torch.zeros_like(calls[place].vectors) for place in places}
    others, _ = _looked_up(model, baseline, metric)
    shapes = [[tuple(one.vectors.shape) for one in each] for each in (calls, others)]
    if shapes[0] != shapes[1]:
        raise ShapeError(
            f"The baseline is compared with the inputs token by token: their embeddings have the "
            f"shapes {shapes[0]}, those of the baseline {shapes[1]}."
        )
    return {place: others[place].vectors for place in places}


class _Path:
    """The straight path from a baseline's embeddings to those of the inputs.

    Args:
        model, inputs, metric: of the run.
        vectors: of the inputs, by the index of the look-up.
        ends: of the baseline, likewise.
    """

    def __init__(
        self,
        model: nn.Module,
        inputs: Inputs,
        metric: Metric,
        vectors: dict[int, Tensor],
        ends: dict[int, Tensor],
    ) -> None:
        self._model, self._inputs, self._metric = model, inputs, metric
        self.vectors, self._ends = vectors, ends

    def gradients_at(self, share: float) -> tuple[float, dict[int, Tensor]]:
        """Return the metric and its gradients at a point of the path, from 0 to 1."""
        order = sorted(self.vectors)
        tensors = [
            self._ends[place] + share * (self.vectors[place] - self._ends[place]) for place in order
        ]
        substitute = Substitute(tensors)
        count = -1

        def visit(name: str, ids: Tensor, x: Tensor) -> Tensor | None:
            nonlocal count
            count += 1
            return substitute(x) if count in self.vectors else None

        with torch.enable_grad(), on_embeddings(self._model, visit):
            value = value_of(self._metric, run(self._model, self._inputs))
            results = gradients(value, substitute.edges)
        zeros = (
            torch.zeros_like(x) if g is None else g for g, x in zip(results, tensors, strict=True)
        )
        return float(value.detach()), dict(zip(order, zeros, strict=True))

    def value_at(self, share: float) -> float:
        """Return the metric at a point of the path."""
        return self.gradients_at(share)[0]

    def integral(self, points: Array, weights: Array) -> dict[int, Float[Tensor, "..."]]:
        """Return the weighted sum of the gradients at points of the path."""
        sums: dict[int, Tensor] = {}
        for point, weight in zip(points.tolist(), weights.tolist(), strict=True):
            for place, gradient in self.gradients_at(point)[1].items():
                sums[place] = sums.get(place, 0.0) + weight * exact(gradient)
        return sums


def _by_token(shares: Float[Tensor, "... d_model"], call: EmbeddingCall) -> NamedValues:
    """Return the shares of tokens: the sums over the entries of their embeddings."""
    values = np.atleast_2d(exact(shares).sum(-1).numpy())
    values = values.reshape(-1, values.shape[-1])
    ids = call.ids.reshape(values.shape)
    rows, length = values.shape
    tokens = tuple(f"{i} {int(ids[0, i])}" if rows == 1 else str(i) for i in range(length))
    axes = {"row": tuple(map(str, range(rows))), "position": tokens}
    return NamedValues("share of the token", values, axes)
