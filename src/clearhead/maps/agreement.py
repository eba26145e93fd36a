"""Whether a map says what the model computed: its weights and its output, in sampled rows.

What was read of a model's operators is an interpretation. So it is held against numbers that do
not come from it: the weights that the model itself multiplied with its values, and the output of
that product. Both are computed from the map as a user would get it, in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from .attention_map import AttentionMap
from .captured import Captured, Unreadable
from .denominators import normalised

_ROWS = 8
_OUTPUTS = 4
# Half precision rounds scores, weights and outputs, each by up to 1/256.
_TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-5}
_TOLERANCE_OF_HALF = 0.1
_ROUNDINGS = 16  # of a score: of each of its products, its scale, its mask


def map_of(captured: Captured) -> AttentionMap:
    """The map that would be shown, without values."""
    return AttentionMap(captured.query, captured.key, captured.scoring, lse=captured.lse)


def check_weights(
    captured: Captured, truth: Tensor, *, dtypes: Sequence[torch.dtype], every_row: bool = False
) -> None:
    """Compares a map with the model's weights.

    Args:
        captured: the attention as it was read.
        truth: Float["batch heads query_len >=key_len"], the model's; sinks behind the keys.
        dtypes: in which the model computed.
        every_row: not only some rows.

    Raises:
        Unreadable: they differ.
    """
    query_len, key_len = captured.query.shape[2], captured.key.shape[2]
    if 0 in (*captured.query.shape, *captured.key.shape):
        return
    count = query_len if every_row else min(query_len, _ROWS)
    rows = torch.linspace(0, query_len - 1, count).long().unique().to(truth.device)
    shown = map_of(captured)
    step = max((1 << 24) // max(key_len * captured.query.shape[0] * captured.query.shape[1], 1), 1)
    for part in rows.split(step):
        mine = shown[:, :, part].double()
        theirs = truth[:, :, part, :key_len].double().nan_to_num(0.0)
        error = float((mine - theirs).abs().max())
        if not error <= _tolerance(dtypes, shown.scores[:, :, part[:1]]):
            raise Unreadable(
                f"what was read of it does not give the model's own weights: they differ by "
                f"{error:.2g}"
            )


def check_output(
    captured: Captured, output: Tensor, value: Tensor, *, dtypes: Sequence[torch.dtype]
) -> None:
    """Compares weights times values with the model's output, in some rows of some heads.

    Args:
        captured: the attention as it was read.
        output: Float["batch heads query_len value_dim"], the model's.
        value: Float["batch kv_heads key_len value_dim"].

    Raises:
        Unreadable: they differ.
    """
    if 0 in (*output.shape, *value.shape):
        return
    batch, heads, query_len, _ = output.shape
    outer, outer_keys = _ends(heads), _ends(value.shape[1])
    chosen = spread(heads, 2, output.device)
    rows = spread(query_len, _OUTPUTS, output.device)
    scoring = captured.scoring
    sinks = None if scoring.sinks is None else scoring.sinks[outer]
    for first in {0, batch - 1}:
        one = slice(first, first + 1)
        query = captured.query.detach()[one, outer].index_select(2, rows)
        key = captured.key.detach()[one, outer_keys]
        scores = scoring.between(query, key, rows, batch=one, heads=chosen)
        tolerance = _tolerance(dtypes, scores)
        weights = normalised(scores, torch.float64, sinks=sinks, may_be_dead=True)
        values = value[one, outer_keys].double()
        theirs = output[one, outer].index_select(2, rows).double()
        # Of a row without keys, or values that are no numbers, there is nothing to compare.
        error = (weights @ values).sub_(theirs).abs_().nan_to_num_(0.0)
        allowance = tolerance * values.abs().amax((-2, -1), keepdim=True)
        if bool((error > allowance).any()):
            raise Unreadable(
                "weights times values, computed from what was read, do not give the model's own "
                f"output: they differ by {float(error.max()):.2g}"
            )


def _ends(length: int) -> slice:
    """The first and the last of so many."""
    return slice(None, None, max(length - 1, 1))


@lru_cache(maxsize=256)
def spread(length: int, most: int, device: torch.device) -> Tensor:
    """So many places, the first and the last among them."""
    return torch.linspace(0, length - 1, min(length, most), device=device).long().unique()


def _tolerance(dtypes: Sequence[torch.dtype], scores: Tensor) -> float:
    """How far the model's own rounding may take its weights from the exact ones."""
    own = max(_TOLERANCE.get(dtype, _TOLERANCE_OF_HALF) for dtype in dtypes)
    if own == _TOLERANCE_OF_HALF:
        return own
    epsilon = torch.finfo(torch.float32 if torch.float32 in dtypes else torch.float64).eps
    largest = float(scores.abs().nan_to_num_(0.0, 0.0, 0.0).amax()) if scores.numel() else 0.0
    return own + _ROUNDINGS * epsilon * largest
