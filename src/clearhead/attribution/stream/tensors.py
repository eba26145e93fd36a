"""Properties of tensors that the watcher of a run looks at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

from torch import Tensor, nn


def is_vectors(x: object) -> TypeGuard[Tensor]:
    """Return whether something is a tensor of floating-point vectors."""
    return isinstance(x, Tensor) and x.is_floating_point() and x.ndim > 1


def is_length_first(x: Tensor) -> bool:
    """Return whether a tensor [batch, length, d_model] has positions before rows in its memory."""
    return x.ndim == 3 and min(x.shape[:2]) > 1 and x.stride(0) < x.stride(1)


def may_be_norm(x: object, y: object, module: nn.Module) -> bool:
    """Return whether a module may be a norm: same shapes, and at most two vectors as weights."""
    if not is_vectors(x) or not isinstance(y, Tensor):
        return False
    sizes = [tuple(p.shape) for p in module.parameters()]
    return (
        x.shape == y.shape
        and storage_of(x) != storage_of(y)
        and len(sizes) <= 2
        and all(size == (x.shape[-1],) for size in sizes)
    )


def storage_of(x: Tensor) -> int | None:
    """Return what identifies the storage of a tensor; None if it has none."""
    if type(x) not in (Tensor, nn.Parameter):
        return None
    try:
        return x.untyped_storage()._cdata
    except (RuntimeError, NotImplementedError):
        return None


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Yield the tensors in a value, its lists and tuples."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from tensors_in(one)
