"""Classification: the likeliest labels from a classifier's logits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import ConfigError
from ...reference.softmax import softmax
from ...shapes import Array, Float
from ...visible import visible


@dataclass(frozen=True)
class Label:
    """A label and its probability.

    Attributes:
        name: its name in the model's config.
        label_id: its id.
        probability: of the label.
        logit: the classifier's output for the label.
    """

    name: str
    label_id: int
    probability: float
    logit: float


@dataclass(frozen=True, repr=False)
class Classification:
    """The labels that a classifier predicts for one input.

    Attributes:
        labels: the likeliest labels in descending order of probability.
    """

    labels: tuple[Label, ...]

    @property
    def name(self) -> str:
        """The name of the likeliest label."""
        return self.labels[0].name

    def __repr__(self) -> str:
        return ", ".join(f"{visible(one.name)} {one.probability:.3f}" for one in self.labels)


def classify(
    logits: Float[Array, "batch labels"],
    names: Sequence[str],
    settings: Mapping[str, Any],
    *,
    top: int = 5,
) -> list[Classification]:
    """Return the likeliest labels of each image.

    As in transformers, labels exclude each other (softmax), unless there is only one or the config
    says ``multi_label_classification``: then each has an independent probability (sigmoid).

    Args:
        logits: of the classifier, at the position of the class token.
        names: of the labels.
        settings: config.json.
        top: the largest number of labels to return.

    Raises:
        ConfigError: ``top`` is less than 1, or the model's outputs are not logits of labels.
    """
    if isinstance(top, bool) or not isinstance(top, int) or top < 1:
        raise ConfigError(f"top must be a whole number, 1 or more; it is {top!r}.")
    kind = settings.get("problem_type")
    if kind == "regression":
        raise ConfigError(
            "This model's outputs are numbers that it estimates (problem_type is regression), and "
            "no labels. model.logits has them, at position 0."
        )
    if kind == "multi_label_classification" or len(names) == 1:
        # The logistic function in a form that never overflows.
        probabilities = np.exp(-np.logaddexp(0, -logits))
    else:
        probabilities = softmax(logits)
    order = np.argsort(-logits, axis=-1, kind="stable")[:, :top]
    return [
        Classification(
            tuple(
                Label(names[i], int(i), float(probabilities[row, i]), float(logits[row, i]))
                for i in likeliest
            )
        )
        for row, likeliest in enumerate(order)
    ]
