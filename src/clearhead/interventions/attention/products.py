"""Products of two tensors, whichever function computes them, with their axes in one order.

Of the scores of an attention the two are queries [..., query_len, head_dim] and keys
[..., key_len, head_dim]; of its output weights [..., query_len, key_len] and values
[..., key_len, value_dim].
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
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
        left_factor, right_factor: its factors, in the model's layout.
        compute: computes it with other factors.
        left_axes, right_axes, out_axes: the order of axes in which the rows of the left factor,
            the contracted axis and the columns of the right one come last; None where they do.
    """

    left_factor: Tensor
    right_factor: Tensor
    compute: Callable[[Tensor, Tensor], Tensor]
    left_axes: tuple[int, ...] | None = None
    right_axes: tuple[int, ...] | None = None
    out_axes: tuple[int, ...] | None = None

    @property
    def rows(self) -> Tensor:
        """The left factor as [..., rows, contracted]."""
        return (
            self.left_factor if self.left_axes is None else self.left_factor.permute(self.left_axes)
        )

    @property
    def columns(self) -> Tensor:
        """The right factor as [..., columns, contracted]."""
        return self.inner.mT

    @property
    def inner(self) -> Tensor:
        """The right factor as [..., contracted, columns]."""
        return (
            self.right_factor
            if self.right_axes is None
            else self.right_factor.permute(self.right_axes)
        )

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
    """Return the product that a call computes; None if it is not a product of two activations."""
    if func is torch.einsum:
        return _of_einsum(args, kwargs)
    if kwargs.get("out") is not None:
        return None
    names = ("input", "batch1", "batch2") if func in _ADDING else ("input", "other")
    call: dict[str, Any] = {**dict(zip(names, args, strict=False)), **kwargs}
    factors: tuple[Any, Any] = call.get("batch1"), call.get("batch2")
    compute: Callable[[Tensor, Tensor], Tensor] = torch.matmul
    if func in _ADDING:
        more = {name: call[name] for name in kwargs if name not in names}
        compute = partial(_add_product, call["input"], more)
    else:
        factors = call.get("input"), call.get("other", call.get("mat2"))
        factors = (factors[1], factors[0]) if func in _REFLECTED else factors
    if not _are_activations(*factors) or factors[0].ndim != factors[1].ndim:
        return None
    return Product(*factors, compute)


def _add_product(bias: Tensor, more: Mapping[str, Any], rows: Tensor, columns: Tensor) -> Tensor:
    return torch.baddbmm(bias, rows, columns, **more)


def _of_einsum(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Product | None:
    """Return the product of an equation of two factors with one axis of rows and of columns."""
    operands = args[1] if len(args) == 2 and isinstance(args[1], list | tuple) else args[1:]
    if len(operands) != 2 or not isinstance(args[0], str):
        return None
    equation = args[0].replace(" ", "")
    match = _EQUATION.fullmatch(equation)
    if match is None or not _are_activations(*operands):
        return None
    one, other, out = match.groups()
    rows = [c for c in one if c not in other and c in out]
    columns = [c for c in other if c not in one and c in out]
    inner = [c for c in one if c in other and c not in out]
    lead = [c for c in out if c in one and c in other]
    if not len(rows) == len(columns) == len(inner) == 1:
        return None
    if any(len(set(axes)) != len(axes) or len(axes) != len(lead) + 2 for axes in (one, other, out)):
        return None
    return Product(
        operands[0],
        operands[1],
        lambda a, b: torch.einsum(equation, a, b),
        tuple(one.index(c) for c in (*lead, *rows, *inner)),
        tuple(other.index(c) for c in (*lead, *inner, *columns)),
        tuple(out.index(c) for c in (*lead, *rows, *columns)),
    )


def _are_activations(*factors: Any) -> bool:
    """Return whether factors are floating tensors and not parameters."""
    for x in factors:
        if not isinstance(x, Tensor) or not x.is_floating_point() or x.ndim < 2:
            return False
        if isinstance(x, nn.Parameter) or isinstance(x._base, nn.Parameter):
            return False
    return True


def _inverse(axes: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(axes.index(place) for place in range(len(axes)))
