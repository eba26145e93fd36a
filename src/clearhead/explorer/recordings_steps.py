"""What can be asked of one recorded attention: windows of its steps, and a picture of each head."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import Array, Window
from .overview import pooled
from .recordings_modules import Module

TILE = 1 << 22  # weights that are held at once while a picture is made

# Of each module: name of the step, its axes, how it is computed.
SCORE_AXES = ("batch", "heads", "query_len", "key_len")
STEPS = {
    "query": (("batch", "heads", "query_len", "head_dim"), "Q, as the kernel got it"),
    "key": (("batch", "kv_heads", "key_len", "head_dim"), "K, as the kernel got it"),
    "value": (("batch", "kv_heads", "key_len", "value_dim"), "V, as the kernel got it"),
    "scores": (SCORE_AXES, "scaled and masked scores, computed from query and key when asked for"),
    "log_sum_exp": (("batch", "heads", "query_len"), "log of the sum of exp(scores) over keys"),
    "weights": (SCORE_AXES, "exp(scores - log_sum_exp)"),
}
SOURCES = {"scores": ("query", "key"), "log_sum_exp": ("scores",),
           "weights": ("scores", "log_sum_exp")}  # fmt: skip


def available(module: Module) -> list[str]:
    """The steps that can be asked of a module: all, or all but its values."""
    return [step for step in STEPS if step != "value" or module.map.value is not None]


def step_shape(module: Module, step: str) -> tuple[int, ...]:
    """The shape of a step in one row of the batch, which counts as a batch of 1."""
    found = module.map
    shapes = {"query": found.query, "key": found.key, "value": found.value}
    if step in shapes:
        tensor = shapes[step]
        assert tensor is not None
        return (1, *tensor.shape[1:])
    return (1, *found.shape[1:3]) if step == "log_sum_exp" else (1, *found.shape[1:])


def steps_of(module: Module) -> list[dict[str, Any]]:
    return [
        {
            "path": f"{module.path}.{step}",
            "shape": list(step_shape(module, step)),
            "axes": list(STEPS[step][0]),
            "formula": STEPS[step][1],
            "of": [f"{module.path}.{source}" for source in SOURCES.get(step, ())],
            "replaced": False,
            "derivations": [],
        }
        for step in available(module)
    ]


def values(module: Module, step: str, row: int, window: Window) -> Array:
    """The window of a step, float32 or float64, with a batch axis."""
    index = (slice(row, row + 1), *(slice(start, stop) for start, stop in window[1:]))
    found = module.map
    sources: dict[str, Any] = {
        "query": found.query,
        "key": found.key,
        "value": found.value,
        "scores": found.scores,
        "weights": found.weights,
    }
    tensor = found.lse[index] if step == "log_sum_exp" else sources[step][index]
    if tensor.dtype.itemsize < 4:
        tensor = tensor.float()
    values: Array = tensor.detach().cpu().numpy()
    return values


def picture(module: Module, row: int, block: tuple[int, int]) -> tuple[Array, Array, Array]:
    """A small picture of each head of a module.

    Args:
        module: of a recording.
        row: of the batch.
        block: queries and keys of a cell.

    Returns:
        the greatest weight of each block, Float32["heads rows columns"]; the entropy
        -sum_j w_ij ln w_ij in nats, Float64["heads"], the mean over the queries that see anything;
        and UInt8["rows columns"], 1 where no query of the block may attend to any key of it, in
        any head.
    """
    _, heads, queries, keys = module.map.shape
    rows_at_once = max(TILE // (heads * keys) // block[0], 1) * block[0]
    pieces, hidden = [], []
    entropy, seeing = np.zeros(heads), np.zeros(heads)
    for start in range(0, queries, rows_at_once):
        rows = slice(start, start + rows_at_once)
        tile = module.map[row, :, rows].detach().cpu().numpy()
        zero = (tile == 0).all(axis=0)
        if zero.any():  # a weight may be too small for float32 and still not be masked
            scores = module.map.scores[row, :, rows].detach().cpu().numpy()
            zero &= np.isneginf(scores).all(axis=0)
        hidden.append(1 - pooled(1 - zero.astype(np.uint8), block))
        pieces.append(pooled(tile, block))
        positive = np.where(tile > 0, tile, 1.0)
        entropy -= (positive * np.log(positive)).sum((1, 2), dtype=np.float64)
        seeing += (tile > 0).any(2).sum(1)
    weights = np.concatenate(pieces, axis=1).astype(np.float32)
    return weights, entropy / np.maximum(seeing, 1), np.concatenate(hidden, axis=0)
