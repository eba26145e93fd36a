"""A head of two tokens whose numbers can be worked out with pencil and paper."""

from __future__ import annotations

import numpy as np

from clearhead.cli.trace._head import Head, head_of
from clearhead.reference import Trace, attention

QUERIES = [[2.0, 0, 0, 0], [0, 2, 0, 0]]
KEYS = [[1.0, 0, 0, 0], [1, 1, 0, 0]]
VALUES = [[4.0, 0, 0, 0], [0, 4, 0, 0]]
# The scaled scores are [1 1] and [0 1].
WEIGHTS = np.array([[0.5, 0.5], [1 / (1 + np.e), np.e / (1 + np.e)]])


def two_token_head(**options: object) -> Head:
    """The only head of an encoder's layer, whose tokens are ▁a and ▁b."""
    trace = Trace(keep="*")
    arrays = (np.array([[rows]]) for rows in (QUERIES, KEYS, VALUES))
    attention(*arrays, trace=trace.at("encoder.layers.0.self_attention"), **options)
    return head_of(trace, "encoder", 0, 0, ["▁a", "▁b"], [])
