"""Maps whose weights are set by hand."""

from __future__ import annotations

import torch

from clearhead.maps import AttentionMap
from clearhead.maps.storage.provenance import Source

# A text of twelve tokens, and the same again.
IDS = torch.tensor([[*range(12), *range(12)]])


def map_with(heads: list[list[list[int]]], keys: int = 24, **source: str) -> AttentionMap:
    """A map in which query i of each head attends evenly to heads[head][i], to nothing else.

    Keys are the axes of a space, and a query the sum of those that it attends to.
    """
    query = torch.zeros(1, len(heads), len(heads[0]), keys)
    for head, places in enumerate(heads):
        for row, several in enumerate(places):
            query[0, head, row, several] = 30.0
    key = torch.eye(keys).expand(1, len(heads), keys, keys)
    causal = source.get("kind") != "cross"
    return AttentionMap.of(query, key, scale=1.0, causal=causal, source=Source(**source))


def habits() -> dict[str, list[list[int]]]:
    """By the kind that they make, what each query of the text IDS attends to."""
    places = range(24)
    back = {i: i - 12 for i in range(12, 24)}  # the same token
    return {
        "previous": [[max(i - 1, 0)] for i in places],
        "same": [[i] for i in places],
        "first": [[0] for _ in places],
        "duplicate": [[back.get(i, 0)] for i in places],
        "induction": [[back.get(i, -1) + 1] for i in places],
        "local": [[j for j in (i - 2, i - 3, i - 4) if j >= 0] or [0] for i in places],
        "broad": [list(range(i + 1)) for i in places],
        "mixed": [[i // 2, i // 3] for i in places],
    }
