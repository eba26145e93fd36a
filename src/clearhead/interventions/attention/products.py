"""Products of two tensors, whichever function computes them, with their axes in one order.

Of the scores of an attention the two are queries [..., query_len, head_dim] and keys
[..., key_len, head_dim]; of its output weights [..., query_len, key_len] and values
[..., key_len, value_dim].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_EQUATION = re.compile(r"([a-zA-Z]+),([a-zA-Z]+)->([a-zA-Z]+)")
_PLAIN = frozenset(
    {torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.bmm, Tensor.bmm, torch.mm, Tensor.mm}
)
_REFLECTED = frozenset({Tensor.__rmatmul__})
_ADDING = frozenset({torch.baddbmm, Tensor.baddbmm})
PRODUCTS = _PLAIN | _REFLECTED | _ADDING | {torch.einsum}


@dataclass(frozen=True)
class Product:
    """A product that a model is about to compute.

    Attributes:
        left, right: its factors, as the model has them.
        compute: computes it with other factors.
        left_axes, right_axes, out_axes: the order of axes in which the rows of the left factor,
            the contracted axis and the columns of the right one come last; None where they do.
    """

    left: Tensor
    right: Tensor
    compute: Callable[[Tensor, Tensor], Tensor]
    left_axes: tuple[int, ...] | None = None
    right_axes: tuple[int, ...] | None = None
    out_axes: tuple[int, ...] | None = None

    @property
    def rows(self) -> Tensor:
        """The left factor as [..., rows, contracted]."""
        return self.left if self.left_axes is None else self.left.permute(self.left_axes)

    @property
    def columns(self) -> Tensor:
        """The right factor as [..., columns, contracted]."""
        return self.inner.mT

    @property
    def inner(self) -> Tensor:
        """The right factor as [..., contracted, columns]."""
        return self.right if self.right_axes is None else self.right.permute(self.right_axes)

    def with_rows(self, x: Tensor) -> Tensor:
        """Return a left factor, in the model's order of axes."""
        return x if self.left_axes is None else x.permute(_inverse(self.left_axes))

    def with_inner(self, x: Tensor) -> Tensor:
        """Return a right factor [..., contracted, columns] in the model's order of axes."""
        return x if self.right_axes is None else x.permute(_inverse(self.right_axes))

    def output(self, x: Tensor) -> Tensor:
        """Return a product as [..., rows, columns]."""
        return x if self.out_axes is None else x.permute(self.out_axes)

    def with_output(self, x: Tensor) -> Tensor:
        """Return a product [..., rows, columns] in the model's order of axes."""
        return x if self.out_axes is None else x.permute(_inverse(self.out_axes))


def product_of(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Product | None:
    """Return the product that a call computes; None where it is none of two activations."""
    if func is torch.einsum:
        return _of_einsum(args, kwargs)
    if func in _ADDING:
        names = ("input", "batch1", "batch2")
        call = {**dict(zip(names, args, strict=False)), **kwargs}
        more = {name: call[name] for name in kwargs if name not in names}
        left, right = call.get("batch1"), call.get("batch2")
        bias = call.get("input", call.get("self"))

        def compute(a: Tensor, b: Tensor) -> Tensor:
            return torch.baddbmm(bias, a, b, **more)

    else:
        names = ("input", "other")
        call = {**dict(zip(names, args, strict=False)), **kwargs}
        left, right = call.get("input"), call.get("other", call.get("mat2"))
        if func in _REFLECTED:
            left, right = right, left
        if kwargs.get("out") is not None:
            return None

        def compute(a: Tensor, b: Tensor) -> Tensor:
            return torch.matmul(a, b)

    if not _are_activations(left, right) or left.ndim != right.ndim:
        return None
    return Product(left, right, compute)


def _of_einsum(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Product | None:
    """Return the product of an equation of two factors with one axis of rows and of columns."""
    operands = args[1] if len(args) == 2 and isinstance(args[1], list | tuple) else args[1:]
    if len(operands) != 2 or not isinstance(args[0], str):
        return None
    equation = args[0].replace(" ", "")
    match = _EQUATION.fullmatch(equation)
    if match is None or not _are_activations(*operands):
        return None
    left, right, out = match.groups()
    rows = [c for c in left if c not in right and c in out]
    columns = [c for c in right if c not in left and c in out]
    inner = [c for c in left if c in right and c not in out]
    lead = [c for c in out if c in left and c in right]
    if not len(rows) == len(columns) == len(inner) == 1:
        return None
    if any(
        len(set(axes)) != len(axes) or len(axes) != len(lead) + 2 for axes in (left, right, out)
    ):
        return None
    return Product(
        operands[0],
        operands[1],
        lambda a, b: torch.einsum(equation, a, b),
        tuple(left.index(c) for c in (*lead, *rows, *inner)),
        tuple(right.index(c) for c in (*lead, *inner, *columns)),
        tuple(out.index(c) for c in (*lead, *rows, *columns)),
    )


def _are_activations(left: Any, right: Any) -> bool:
    """Return whether two factors are numbers of which neither is a parameter."""
    for x in (left, right):
        if not isinstance(x, Tensor) or not x.is_floating_point() or x.ndim < 2:
            return False
        if isinstance(x, nn.Parameter) or isinstance(x._base, nn.Parameter):
            return False
    return True


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axes.index(place) for place in range(len(axes)))
