"""Adds layers to a trained model without changing its outputs at first.

A new layer is a copy of the layer before it, except that the last matrix of each sublayer and its
bias are zero. With norms before the sublayers, x + sublayer(norm(x)) is then x. The first training
step changes those matrices; from the second step on, all others learn, too. Chen et al. 2016
(Net2Net, arXiv 1511.05641) grow networks without changing their function; Zhang et al. 2019 (arXiv
1901.09321) initialise residual branches with zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...config import TransformerConfig
from ...errors import ConfigError

Array = np.ndarray[Any, Any]

STACKS = ("encoder", "decoder")
_LAST = ("self_attention.output.", "cross_attention.output.", "feed_forward.down.")


class Layer(NamedTuple):
    """A layer of a grown stack.

    Attributes:
        origin: the layer of the shallower model that its weights are copied from.
        is_new: whether it is an added copy, which has no effect at first.
    """

    origin: int
    is_new: bool


def grown_stack(before: int, now: int) -> list[Layer]:
    """Return the layers of a grown stack; new layers are spread evenly.

    For example, 4 layers grow to 6 as 0, 1, new, 2, new, 3.

    Args:
        before: number of layers before.
        now: number of layers now, at least as many.
    """
    extra = now - before
    origins = [(i + 1) * before // (extra + 1) for i in range(extra)]
    return [
        layer
        for i in range(before)
        for layer in (Layer(i, False), *[Layer(i, True)] * origins.count(i))
    ]


def check_growth(before: TransformerConfig, now: TransformerConfig) -> None:
    """Check that a model can be grown from another one with the same other settings.

    Raises:
        ConfigError: a stack has fewer layers than before, had none, or would not compute the same.
    """
    for stack in STACKS:
        ours, theirs = (getattr(config, f"{stack}_layers") for config in (now, before))
        if ours < theirs:
            raise ConfigError(
                f"it has model.{stack}_layers = {theirs} and this run {ours}. A model may grow and "
                f"not shrink: set model.{stack}_layers to {theirs} or more"
            )
        if ours > theirs:
            _check_stack(stack, before, now)


def _check_stack(stack: str, before: TransformerConfig, now: TransformerConfig) -> None:
    theirs, ours = (getattr(config, f"{stack}_layers") for config in (before, now))
    where = f"it has model.{stack}_layers = {theirs} and this run {ours}"
    if not theirs:
        raise ConfigError(f"{where}, and there is no layer of which the new ones could be copies")
    if now.norm_place != "before":
        raise ConfigError(
            f"{where}. New layers have no effect at first with model.norm_place = 'before' alone, "
            f"and it is {now.norm_place!r}: set model.{stack}_layers to {theirs}"
        )
    if stack == "decoder":
        for i, layer in enumerate(grown_stack(theirs, ours)):
            if not layer.is_new and now.window(i) != before.window(layer.origin):
                raise ConfigError(
                    f"{where}. model.attention.windows go by the number of a layer: its layer "
                    f"{layer.origin} would be layer {i}, with another window. Set "
                    f"model.{stack}_layers to {theirs}"
                )


def grow(
    weights: Mapping[str, Array], before: TransformerConfig, now: TransformerConfig
) -> dict[str, Array]:
    """Return the weights of a grown model, which has the same logits as the shallower one.

    Args:
        weights: of the shallower model, by name.
        before: its config.
        now: the grown model's config, accepted by `check_growth`.
    """
    grown = {name: array for name, array in weights.items() if _place(name) is None}
    for stack in STACKS:
        layers = grown_stack(getattr(before, f"{stack}_layers"), getattr(now, f"{stack}_layers"))
        for name, array in weights.items():
            place = _place(name)
            if place is None or place[0] != stack:
                continue
            for i, layer in enumerate(layers):
                if layer.origin == place[1]:
                    silent = layer.is_new and place[2].startswith(_LAST)
                    new_name = f"{stack}.layers.{i}.{place[2]}"
                    grown[new_name] = np.zeros_like(array) if silent else array
    return grown


def _place(name: str) -> tuple[str, int, str] | None:
    """Return stack, layer number and the rest of a weight's name; None for one outside layers."""
    stack, _, rest = name.partition(".layers.")
    number, _, inner = rest.partition(".")
    if stack in STACKS and number.isascii() and number.isdecimal():
        return stack, int(number), inner
    return None


def growth_sentences(before: TransformerConfig, now: TransformerConfig) -> list[str]:
    """Return a sentence for each grown stack, with the numbers of its new layers."""
    sentences = []
    for stack in STACKS:
        theirs, ours = (getattr(config, f"{stack}_layers") for config in (before, now))
        new = [str(i) for i, layer in enumerate(grown_stack(theirs, ours)) if layer.is_new]
        if new:
            sentences.append(
                f"{stack}: {ours} layers where training.initial has {theirs}; new are "
                f"{', '.join(new)} (counted from 0), which begin without an effect"
            )
    return sentences
