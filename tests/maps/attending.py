"""Small models that attend, and the truth about them: a dense softmax in float64."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map_only

from clearhead.maps.recorder.record import record
from clearhead.maps.recording.calls import FinishedCall, Map
from clearhead.maps.recording.contents import Contents
from clearhead.maps.recording.recording import Recording


class Calls(nn.Module):
    """A model whose forward pass is a function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *args: Any) -> Any:
        return self.function(*args)


class WrapperTensor(Tensor):
    """A subclass that runs its operators on what it wraps, as tensor parallelism does."""

    @staticmethod
    def __new__(cls, inner):
        return Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype)

    def __init__(self, inner):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        inner = tree_map_only(cls, lambda x: x.inner, (args, kwargs or {}))
        out = func(*inner[0], **inner[1])
        return tree_map_only(Tensor, cls, out)


def dense(
    query: Tensor,
    key: Tensor,
    *,
    scale: float | None = None,
    mask: Tensor | None = None,
    causal: bool = False,
    softcap: float | None = None,
    sinks: Tensor | None = None,
) -> Tensor:
    """The weights by the plain formula in float64."""
    query = query.detach().double()
    key = key.detach().double().repeat_interleave(query.shape[1] // key.shape[1], 1)
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    if causal:
        scores = scores.masked_fill(torch.ones(scores.shape[-2:]).triu(1).bool(), -torch.inf)
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, -torch.inf)
    elif mask is not None:
        scores = scores + mask
    if sinks is not None:
        column = sinks.double()[None, :, None, None].expand(*scores.shape[:3], 1)
        return torch.cat([scores, column], -1).softmax(-1)[..., :-1]
    return scores.softmax(-1).nan_to_num(0.0)


def same_bits(one: Any, other: Any) -> bool:
    """Whether all tensors of two results are equal, NaN being equal to NaN."""
    pairs = list(zip(tree_leaves(one), tree_leaves(other), strict=True))
    return all(
        torch.equal(x.isnan(), y.isnan()) and torch.equal(x.nan_to_num(), y.nan_to_num())
        for x, y in pairs
        if isinstance(x, Tensor)
    )


def recorded(model: nn.Module, run: Callable[[], Any], **options: Any) -> Recording:
    """A recording of a run whose results are the same bits as without."""
    plain = run()
    with record(model, **options) as recording:
        recorded_output = run()
    assert same_bits(plain, recorded_output)
    return recording


def recording_of(maps: Mapping[str, Map], model: str = "Model") -> Recording:
    """A recording of one map for each name."""
    return Recording(
        Contents(model, calls={name: [FinishedCall(one)] for name, one in maps.items()})
    )
