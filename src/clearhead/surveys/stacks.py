"""Groups attentions into the stacks of a model, with short labels for their layers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .layer_statistics import LayerStatistics
    from .statistics import HeadStatistics


class LayerInStack(NamedTuple):
    """An attention of a model in its stack.

    Attributes:
        module: its name.
        call: the number of its call in one pass; None if no text has several calls.
        label: the numbers in its name that differ from those of others in its stack.
        statistics: of its heads.
    """

    module: str
    call: int | None
    label: str
    statistics: LayerStatistics

    @property
    def title(self) -> str:
        """Its name, with the number of the call if there are several."""
        return self.module if self.call is None else f"{self.module} call {self.call}"


class Stack(NamedTuple):
    """Layers with the same name except for its numbers.

    Attributes:
        pattern: the name, with ``*`` for numbers.
        attention: ``self`` or ``cross``.
        layers: in the order of the model.
    """

    pattern: str
    attention: str
    layers: list[LayerInStack]


def stacks_of(statistics: HeadStatistics) -> list[Stack]:
    """Return the stacks of a model, in the order of their first layers."""
    calls = Counter(name for _, name, _ in statistics.layers)
    places: dict[tuple[str, str], list[tuple[str, int | None, LayerStatistics]]] = {}
    for (_, name, call), layer in statistics.layers.items():
        number = call if calls[name] > 1 else None
        places.setdefault((pattern_of(name), layer.attention), []).append((name, number, layer))
    return [
        Stack(
            pattern,
            attention,
            [
                LayerInStack(*layer[:2], label, layer[2])
                for layer, label in zip(
                    layers, labels_of([layer[:2] for layer in layers]), strict=True
                )
            ],
        )
        for (pattern, attention), layers in places.items()
    ]


def labels_of(names: Sequence[tuple[str, int | None]]) -> list[str]:
    """Return a short label for each layer of a stack: the numbers in its name that vary.

    Args:
        names: of the modules, each with the number of its call, or None if there is only one.
    """
    numbers = [re.findall(r"\d+", name) for name, _ in names]
    varying = [i for i, column in enumerate(zip(*numbers, strict=True)) if len(set(column)) > 1]
    labels = []
    for (_, call), own in zip(names, numbers, strict=True):
        parts = [own[i] for i in varying] or own[:1]
        if call is not None:
            parts = [*(own[i] for i in varying), str(call)]
        labels.append(".".join(parts) or "0")
    return labels


def pattern_of(name: str) -> str:
    """Return a layer's name with ``*`` for numbers, as shared by its stack."""
    return re.sub(r"\d+", "*", name)
