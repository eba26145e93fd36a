"""Calling FlexAttention's score_mod and mask_mod for many places at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def over_all_places(modification: Callable[..., Tensor], *, with_score: bool) -> Callable[..., Any]:
    """Turn a function of scalars into one of vectors of batch, head, query and key indices.

    It maps over one axis after the other, as FlexAttention does, so that a modification may use its
    scalars in every way that FlexAttention allows.

    Returns:
        f(batch, heads, rows, columns), or f(scores, batch, heads, rows, columns) with a score;
        the result has the shape Float["batch heads rows columns"].
    """
    score = (0,) if with_score else ()
    mapped = modification
    for axis in (3, 2, 1, 0):
        places = tuple(0 if axis == i else None for i in range(4))
        mapped = torch.vmap(mapped, in_dims=score + places)
    return mapped
