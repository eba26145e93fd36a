"""The metric of an attribution: a logit, a difference of two logits, or any number of an output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import ConfigError, ShapeError
from ..shapes import Float


@dataclass(frozen=True)
class Target:
    """A logit, or its distance above the logit of another token: "this word and not that one".

    Attributes:
        answer: id of the token, or one for each row of the batch.
        against: id of the other token, or one for each row; None for the logit alone.
        position: where the token is predicted; negative counts from the last.
    """

    answer: int | Sequence[int]
    against: int | Sequence[int] | None = None
    position: int = -1

    def __call__(self, output: Any) -> Float[Tensor, ""]:
        """Return the mean over the rows of the logit, or of the difference of both.

        Raises:
            ShapeError: there is no such token or position, or not one for each row.
        """
        logits = logits_of(output)
        length = logits.shape[1]
        position = checked_index("position", self.position, length)
        at = logits[:, position]
        value = at.gather(1, self._ids(self.answer, at))[:, 0]
        if self.against is not None:
            value = value - at.gather(1, self._ids(self.against, at))[:, 0]
        return value.mean()

    def _ids(self, token: int | Sequence[int], logits: Tensor) -> Tensor:
        rows, vocabulary = logits.shape
        ids = [token] * rows if isinstance(token, int) else [int(one) for one in token]
        if len(ids) != rows:
            raise ShapeError(
                f"A target has one token, or one for each of the {rows} rows; {len(ids)} came."
            )
        ids = [checked_index("token", one, vocabulary) for one in ids]
        return torch.tensor(ids, device=logits.device)[:, None]

    def of_row(self, row: int) -> tuple[int, int | None]:
        """Return the answer and the token that it is compared with, in one row."""
        against = self.against
        return (
            self.answer if isinstance(self.answer, int) else int(self.answer[row]),
            against if against is None or isinstance(against, int) else int(against[row]),
        )


Metric = Target | Callable[[Any], Tensor]
"""A target, or a function of what the model returns that gives a number as a tensor."""


def value_of(metric: Metric, output: Any) -> Float[Tensor, ""]:
    """Return the number that a metric gives for an output.

    Raises:
        ConfigError: it is no function, or does not return a single number that depends on the
            model.
    """
    if not callable(metric):
        raise ConfigError(
            "A metric is a Target(answer, against) or a function of the model's output; got "
            f"{type(metric).__name__}."
        )
    value = metric(output)
    if not isinstance(value, Tensor) or value.numel() != 1 or not value.is_floating_point():
        what = (
            f"a tensor {list(value.shape)} of {value.dtype}"
            if isinstance(value, Tensor)
            else type(value).__name__
        )
        raise ConfigError(f"A metric gives one number, as a tensor; this one gave {what}.")
    return value.reshape(())


def logits_of(output: Any) -> Float[Tensor, "batch length vocab"]:
    """Return the logits in a model's output; logits of a whole text have one position.

    Raises:
        ConfigError: there are none, or they have other axes.
    """
    logits = output
    if isinstance(output, Mapping):
        logits = output.get("logits")
    elif not isinstance(output, Tensor):
        logits = getattr(output, "logits", None)
        if logits is None and isinstance(output, tuple) and output:
            logits = output[0]
    if not isinstance(logits, Tensor):
        raise ConfigError(
            f"The model returned {type(output).__name__}, which has no logits. Give a model with "
            "an output layer (a language model or a translator), or a function as the metric."
        )
    if logits.ndim not in (2, 3):
        raise ConfigError(
            f"Logits have the axes batch, length and vocabulary here, or batch and labels; the "
            f"model's have the shape {list(logits.shape)}. Give a function as the metric."
        )
    return logits if logits.ndim == 3 else logits[:, None]


def checked_index(name: str, index: int, count: int) -> int:
    """Return an index as counted from the first entry.

    Raises:
        ShapeError: it is out of range.
    """
    if not -count <= index < count:
        raise ShapeError(f"{name} must be from {-count} to {count - 1} here; it is {index}.")
    return index % count
