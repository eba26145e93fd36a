"""Layers whose measures are chosen by hand."""

from __future__ import annotations

import numpy as np

from clearhead.cli.inspect._findings import MEASURES, LayerFindings, Link


def layer(
    name: str, heads: int = 1, *, kind: str = "self", links: tuple[Link, ...] = ()
) -> LayerFindings:
    """A layer of two queries and three keys; its measures count on from head to head."""
    values = {
        measure: np.arange(heads) + 10.0 * place for place, measure in enumerate(MEASURES, start=1)
    }
    shares = np.array([0.5, 0.25, 0.25])
    shape = (1, heads, 2, 3)
    return LayerFindings(
        name, None, kind, "softmax", shape, values, shares, list(links), label=name[-1]
    )
