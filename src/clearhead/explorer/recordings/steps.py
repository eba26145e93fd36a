"""The steps of one recorded attention, and windows of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...reference.tracing.steps.attention import KEY_AXES, QUERY_AXES, SCORE_AXES, VALUE_AXES
from ...shapes import Array
from ..contract.questions import Window
from ..contract.run_answers import StepAnswer
from ..contract.stopping import check, check_from_anywhere
from .bounds import SOFTMAX
from .modules import Module

if TYPE_CHECKING:
    from torch import Tensor

    from ...maps.attention_map import AttentionMap

PIECE = 10**10  # multiply-adds between two checks for cancellation

# For each step of a module: its name, its axes, its formula.
STEPS = {
    "query": (QUERY_AXES, "Q, as the kernel got it"),
    "key": (KEY_AXES, "K, as the kernel got it"),
    "value": (VALUE_AXES, "V, as the kernel got it"),
    "scores": (SCORE_AXES, "scaled and masked scores, computed from query and key when asked for"),
    "log_sum_exp": (("batch", "heads", "query_len"), "log of the sum of exp(scores) over keys"),
    "weights": (SCORE_AXES, "exp(scores - log_sum_exp)"),
}
SOURCES = {"scores": ("query", "key"), "log_sum_exp": ("scores",),
           "weights": ("scores", "log_sum_exp")}  # fmt: skip


def available(module: Module) -> list[str]:
    """Return the steps available for a module: all, or all but its values."""
    return [step for step in STEPS if step != "value" or module.map.value is not None]


def step_shape(module: Module, step: str) -> tuple[int, ...]:
    """Return the shape of a step in one row of the batch, which counts as a batch of 1."""
    one = module.map
    shapes = {"query": one.query, "key": one.key, "value": one.value}
    if step in shapes:
        tensor = shapes[step]
        assert tensor is not None
        return (1, *tensor.shape[1:])
    return (1, *one.shape[1:3]) if step == "log_sum_exp" else (1, *one.shape[1:])


def steps_of(module: Module) -> list[StepAnswer]:
    """Return the steps of a module as the answer to ``run`` lists them."""
    return [
        {
            "path": f"{module.path}.{step}",
            "shape": list(step_shape(module, step)),
            "axes": list(STEPS[step][0]),
            "formula": STEPS[step][1],
            "notation": "",
            "of": [f"{module.path}.{source}" for source in SOURCES.get(step, ())],
            "replaced": False,
            "derivations": [],
        }
        for step in available(module)
    ]


def values(one: AttentionMap, step: str, window: Window) -> Array:
    """Compute the window of a step, float32 or float64, with a batch axis.

    Args:
        one: one row of a module's map.
        step: its name.
        window: with all its axes; the first has length 1.

    Raises:
        QuestionCancelled: the question was cancelled.
    """
    index = tuple(slice(start, stop) for start, stop in window)
    if step in ("scores", "weights"):
        tensor = _tile(one, step, index)
    else:
        if step == "log_sum_exp":
            compute_log_sum_exp(one)
        recorded = {"query": one.query, "key": one.key, "value": one.value}
        tensor = recorded.get(step, one.known_lse)[index]  # type: ignore[index]
    if tensor.dtype.itemsize < 4:
        tensor = tensor.float()
    values: Array = tensor.detach().cpu().numpy()
    return values


def _tile(one: AttentionMap, step: str, index: tuple[slice, ...]) -> Tensor:
    """Compute a window of scores or weights, some rows at a time."""
    from torch import cat

    rows = index[2]
    if step == "weights" and 4 * (rows.stop - rows.start) >= one.shape[2]:
        compute_log_sum_exp(one)  # for this many rows, compute it for all
    _, heads, _, keys = one.shape
    height = max(PIECE // (heads * keys * (one.query.shape[-1] + SOFTMAX)), 1)
    view = one.scores if step == "scores" else one.weights
    pieces = []
    for first in range(rows.start, rows.stop, height):
        check()
        pieces.append(view[(*index[:2], slice(first, min(first + height, rows.stop)), index[3])])
    return cat(pieces, dim=2) if len(pieces) > 1 else pieces[0]


def compute_log_sum_exp(one: AttentionMap) -> None:
    """Let a map compute its log-sum-exp, which it caches.

    Raises:
        QuestionCancelled: the question was cancelled.
    """
    if one.known_lse is None:
        one.measure("lse", check=check_from_anywhere())
