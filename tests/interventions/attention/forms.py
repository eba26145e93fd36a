"""Attention as a function of [batch, heads, length, width], edited and by hand.

The output of an attention is its weights times values, so what an edit must give follows from the
weights without it, which are measured with unit vectors as values, in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from clearhead.interventions.intervene import intervene
from tests.maps.strangers.judge import Attention, Model, factors, fresh, weights_of

EDGES = [1, 3], [0, 2]


def run(form: Callable[..., Tensor], ask: Callable[[Any], Any], shape: tuple, heads: int) -> Tensor:
    """The output with an edit; heads is what the module says of itself, 0 for nothing."""
    model = Model(Attention(form, heads))
    with torch.no_grad(), intervene(model) as edits:
        ask(edits["attention"])
        return model(*fresh(factors(shape)))


def without(weights: Tensor, heads: list[int]) -> Tensor:
    weights = weights.clone()
    for head in heads:
        for query in EDGES[0]:
            weights[:, head, query, EDGES[1]] = 0
    return weights


EDITS: dict[str, tuple[Callable[[Any], Any], Callable[[Tensor, Tensor], Tensor]]] = {
    "a head": (
        lambda part: part.head(1).zero(),
        lambda w, v: (w @ v) * (torch.arange(w.shape[1]) != 1)[:, None, None],
    ),
    "weights of a head": (
        lambda part: part.head(1).edge(*EDGES).zero(),
        lambda w, v: without(w, [1]) @ v,
    ),
    "edges of a head": (
        lambda part: part.head(1).edge(*EDGES).remove(),
        lambda w, v: torch.nn.functional.normalize(without(w, [1]), p=1, dim=-1) @ v,
    ),
    "a value": (
        lambda part: part.head(1).value.at(2).zero(),
        lambda w, v: w @ (v * ~((torch.arange(w.shape[1]) == 1)[:, None, None]
                                & (torch.arange(v.shape[2]) == 2)[:, None])),
    ),
}  # fmt: skip


def assert_exact(
    form: Callable[..., Tensor], edit: str, shape: tuple = (2, 4, 5, 5, 8), hints: bool = True
) -> None:
    ask, truth = EDITS[edit]
    query, key, value = factors(shape)
    expected = truth(weights_of(form, query, key, value), value.double())
    output = run(form, ask, shape, query.shape[1] if hints else 0)
    torch.testing.assert_close(output.double(), expected, atol=1e-5, rtol=0)
