"""Reads FlexAttention's operator, unless it is hidden in a compiled kernel."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from ...recording.captured import CapturedAttention, Unreadable
from ...scores.scoring import Scoring
from ._flex_arguments import flex_arguments


def read_flex(args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> CapturedAttention:
    """Return what ``flex_attention`` computed.

    score_mod and mask_mod are called again when the map is used; tensors that they captured must
    still have the same contents then.

    Raises:
        Unreadable: the block mask has no mask_mod.
    """
    call = flex_arguments(args, kwargs)
    score_mod = _bound(call.score_mod, call.score_captures)
    mask_mod = _bound(call.mask_mod, call.mask_captures)
    if not callable(mask_mod):
        raise Unreadable("its block mask has no mask_mod that could be called")
    scoring = Scoring.of(
        call.query,
        call.key,
        scale=call.scale,
        score_mod=None if _is_identity(score_mod) else score_mod,
        mask_mod=mask_mod,
    )
    lse = result[1] if isinstance(result, tuple) and len(result) > 1 else None
    lse = lse * math.log(2) if isinstance(lse, Tensor) and lse.numel() else None
    return CapturedAttention(
        query=call.query,
        key=call.key,
        value=call.value,
        lse=lse,
        scoring=scoring,
        kernel="flex attention",
    )


def _bound(modification: Callable[..., Tensor], captured: tuple[Any, ...]) -> Callable[..., Tensor]:
    """Return a modification bound to copies of the tensors that compilation made its arguments."""
    if not captured:
        return modification
    copies = tuple(x.detach().clone() if isinstance(x, Tensor) else x for x in captured)

    def bound(*places: Any) -> Tensor:
        return modification(*places, *copies)

    return bound


def _is_identity(score_mod: Any) -> bool:
    """Return whether a score_mod returns the score unchanged: the default one, or its trace."""
    if getattr(score_mod, "__name__", "") == "_identity":
        return True
    graph = getattr(score_mod, "graph", None)
    if graph is None:
        return False
    nodes = list(graph.nodes)
    first = next((node for node in nodes if node.op == "placeholder"), None)
    output = next((node for node in nodes if node.op == "output"), None)
    return output is not None and output.args[0] is first
