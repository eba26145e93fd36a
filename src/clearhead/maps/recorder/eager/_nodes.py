"""How scores came from a product: a chain of small notes, one per operator.

A tensor of scores is known by the memory it lies in, and what is noted describes how that memory
is laid out. So views, permutations and slices need no note at all: they are other strides over
the same memory, and places are found by arithmetic on strides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ...recording.captured import Unreadable
from ..owners import Chain


@dataclass(frozen=True)
class Layout:
    """Where the elements of a tensor lie in its storage."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

    @classmethod
    def of(cls, x: Tensor) -> Layout:
        return cls(tuple(x.shape), tuple(x.stride()), int(x.storage_offset()))

    def moved(self, axis: int, to: int) -> Layout:
        """The same with one axis in another place."""
        order = list(range(len(self.shape)))
        order.insert(to % len(order), order.pop(axis))
        return Layout(
            tuple(self.shape[i] for i in order), tuple(self.stride[i] for i in order), self.offset
        )

    def positions(self, coordinates: list[Tensor]) -> Tensor:
        """Storage positions of elements, given by their index along each axis."""
        found = torch.full((), self.offset, dtype=torch.int64)
        for index, stride in zip(coordinates, self.stride, strict=True):
            found = found + index * stride
        return found

    def coordinates(self, positions: Tensor) -> list[Tensor]:
        """The inverse of `positions`.

        Raises:
            Unreadable: positions that are not of this tensor.
        """
        rest = positions - self.offset
        found = [torch.zeros_like(rest) for _ in self.shape]
        axes = [i for i, size in enumerate(self.shape) if size > 1]
        for axis in sorted(axes, key=lambda i: -self.stride[i]):
            stride = self.stride[axis]
            if stride <= 0:
                raise Unreadable("the scores share memory with one another")
            found[axis] = rest // stride
            rest = rest % stride
        inside = all(
            bool(((index >= 0) & (index < size)).all())
            for index, size in zip(found, self.shape, strict=True)
        )
        if not inside or bool((rest != 0).any()):
            raise Unreadable("a part of the scores' memory was read as if it were another shape")
        return found

    @property
    def numel(self) -> int:
        return math.prod(self.shape)


def row_major(coordinates: list[Tensor], shape: tuple[int, ...]) -> Tensor:
    """The index of elements when a tensor of this shape is flattened."""
    found = torch.zeros((), dtype=torch.int64)
    for index, size in zip(coordinates, shape, strict=True):
        found = found * size + index
    return found


@dataclass(eq=False)
class Product:
    """``left @ right``: [..., rows, inner] and [..., inner, columns], of three axes."""

    left: Tensor
    right: Tensor
    name: str

    @classmethod
    def of(cls, left: Tensor, right: Tensor, name: str) -> Product:
        left, right = (x if x.ndim == 3 else x.unsqueeze(0) for x in (left, right))
        return cls(left.detach(), right.detach(), name)

    @property
    def certain(self) -> bool:
        """Whether to follow it into operators that are not understood.

        Products with matrices that may be weights, and outer products such as those of positions
        and frequencies, lead to everything else in a model.
        """
        return self.name != "mm" and self.left.shape[-1] > 1


@dataclass
class Scaled:
    """Multiplied by a number."""

    factor: float


@dataclass(eq=False)
class RowsScaled:
    """Multiplied by a number per row, [..., rows|1, 1]."""

    factor: Tensor


@dataclass(eq=False)
class Added:
    """Something was added: a mask, a bias."""

    term: Tensor
    factor: float = 1.0


@dataclass(eq=False)
class Filled:
    """A number took the place of the scores where a boolean mask is True."""

    where: Tensor
    value: float
    inverted: bool = False


@dataclass
class Capped:
    """The hyperbolic tangent was taken."""


@dataclass
class Shifted:
    """One number per row was subtracted, which no softmax notices."""


@dataclass(eq=False)
class SinkAppended:
    """A column that belongs to no key was put behind the others."""

    logits: Tensor


@dataclass
class Lost:
    """Something happened that is not understood."""

    why: str


@dataclass
class Copied:
    """Nothing but a copy, perhaps in another dtype."""


Step = (
    Scaled | RowsScaled | Added | Filled | Capped | Shifted | SinkAppended | Lost | Copied | Product
)


@dataclass(eq=False)
class Node:
    """A tensor of scores: what was done to the one before it.

    Attributes:
        layout: of the tensor that the step made.
        step: what was done; a `Product` at the beginning of a chain.
        parent: the tensor before.
        seen_as: the layout in which the parent's memory was read; its axes are this tensor's.
        modules: those that were running at the product.
    """

    layout: Layout
    step: Step
    reference: StorageWeakRef
    parent: Node | None = None
    seen_as: Layout | None = None
    dtype: torch.dtype = torch.float32
    product: Product = field(init=False)
    modules: Chain = field(default_factory=lambda: Chain(()))

    def __post_init__(self) -> None:
        if isinstance(self.step, Product):
            self.product = self.step
        else:
            assert self.parent is not None
            self.product = self.parent.product
            self.modules = self.parent.modules

    @property
    def lost(self) -> str | None:
        """Why the chain is not understood."""
        node: Node | None = self
        while node is not None:
            if isinstance(node.step, Lost):
                return node.step.why
            node = node.parent
        return None

    def chain(self) -> list[Node]:
        """From the product to this node."""
        nodes: list[Node] = []
        node: Node | None = self
        while node is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]

    def keep_before_a_write(self, storage: int) -> None:
        """Copies what the notes refer to and the model is about to write to.

        Queries and keys are the model's own memory, and it may use that again before its softmax:
        a rotation in place, a buffer of keys, a scale. The version counter of a tensor does not
        tell, since below autograd every alias has one of its own.
        """
        for node in self.chain():
            for name, value in vars(node.step).items():
                if isinstance(value, Tensor) and storage_of(value) == storage:
                    setattr(node.step, name, value.detach().clone())


def storage_of(x: Tensor) -> int:
    """By what the memory of a tensor is known; views of it have the same."""
    return x.untyped_storage()._cdata


def weak_reference(x: Tensor) -> StorageWeakRef:
    """Tells whether the memory was given back, and keeps its address from being given away."""
    return StorageWeakRef(x.untyped_storage())


def tensors_in(args: Sequence[Any]) -> list[Tensor]:
    """The tensors among arguments, those in lists too."""
    tensors = []
    for x in args:
        if isinstance(x, Tensor):
            tensors.append(x)
        elif isinstance(x, list | tuple):
            tensors.extend(y for y in x if isinstance(y, Tensor))
    return tensors
