"""The chain of nodes from a product to scores, one node per operator.

A tensor of scores is identified by its memory, and a node describes the layout of that memory. So
views, permutations and slices need no node: they are other strides over the same memory, and their
elements are located by arithmetic on strides.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from ....shapes import Float
from ...recording.captured import Unreadable
from ..owners import Chain


@dataclass(frozen=True)
class Layout:
    """The place of a tensor's elements in its storage."""

    shape: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int

    @classmethod
    def of(cls, x: Tensor) -> Layout:
        return cls(tuple(x.shape), tuple(x.stride()), int(x.storage_offset()))

    def move_axis(self, axis: int, to: int) -> Layout:
        """Return the layout with one axis in another place."""
        order = list(range(len(self.shape)))
        order.insert(to % len(order), order.pop(axis))
        return Layout(
            tuple(self.shape[i] for i in order), tuple(self.stride[i] for i in order), self.offset
        )

    def positions(self, coordinates: list[Tensor]) -> Tensor:
        """Return the storage positions of elements, from their index along each axis."""
        positions = torch.full((), self.offset, dtype=torch.int64)
        for index, stride in zip(coordinates, self.stride, strict=True):
            positions = positions + index * stride
        return positions

    def coordinates(self, positions: Tensor) -> list[Tensor]:
        """Return the index of elements along each axis, from their storage positions.

        Raises:
            Unreadable: a position is not in this tensor.
        """
        rest = positions - self.offset
        coordinates = [torch.zeros_like(rest) for _ in self.shape]
        axes = [i for i, size in enumerate(self.shape) if size > 1]
        for axis in sorted(axes, key=lambda i: -self.stride[i]):
            stride = self.stride[axis]
            if stride <= 0:
                raise Unreadable("the scores share memory with one another")
            coordinates[axis] = rest // stride
            rest = rest % stride
        inside = all(
            bool(((index >= 0) & (index < size)).all())
            for index, size in zip(coordinates, self.shape, strict=True)
        )
        if not inside or bool((rest != 0).any()):
            raise Unreadable("a part of the scores' memory was read as if it were another shape")
        return coordinates

    @property
    def numel(self) -> int:
        return math.prod(self.shape)


def row_major(coordinates: list[Tensor], shape: tuple[int, ...]) -> Tensor:
    """Return the index of elements in the flattened tensor."""
    flat = torch.zeros((), dtype=torch.int64)
    for index, size in zip(coordinates, shape, strict=True):
        flat = flat * size + index
    return flat


@dataclass(eq=False)
class Product:
    """``lhs @ rhs``, of three axes each."""

    lhs: Float[Tensor, "matrices rows inner"]
    rhs: Float[Tensor, "matrices inner columns"]
    name: str

    @classmethod
    def of(cls, lhs: Tensor, rhs: Tensor, name: str) -> Product:
        lhs, rhs = (x if x.ndim == 3 else x.unsqueeze(0) for x in (lhs, rhs))
        return cls(lhs.detach(), rhs.detach(), name)

    @property
    def certain(self) -> bool:
        """Whether it is certainly a product of queries and keys.

        Products with a matrix that may be a parameter, and outer products such as positions times
        frequencies, are everywhere in a model. If an operator on such a product is not understood,
        the product is dropped, and not refused.
        """
        return self.name != "mm" and self.lhs.shape[-1] > 1


@dataclass
class Scaling:
    """Scores were multiplied by a number."""

    factor: float


@dataclass(eq=False)
class RowScaling:
    """Scores were multiplied by a number per row."""

    factor: Float[Tensor, "... 1"]


@dataclass(eq=False)
class Addition:
    """A mask or bias was added to scores; it may itself be a product."""

    term: Tensor
    factor: float = 1.0
    is_product: bool = False


@dataclass(eq=False)
class Fill:
    """Scores were replaced by a number where a boolean mask is True."""

    where: Tensor
    value: float
    inverted: bool = False


@dataclass
class Cap:
    """The hyperbolic tangent of scores was taken."""


@dataclass
class Shift:
    """One number per row was subtracted, which does not change a softmax."""


@dataclass(eq=False)
class SinkColumn:
    """A column that belongs to no key was appended to scores."""

    logits: Tensor


@dataclass
class Exponential:
    """The exponential function of scores was taken: the first half of a softmax."""


@dataclass
class UnknownStep:
    """An operator changed scores in a way that is not understood."""

    why: str


@dataclass
class Copy:
    """Scores were copied, possibly to another dtype."""


Step = (
    Scaling
    | RowScaling
    | Addition
    | Fill
    | Cap
    | Shift
    | SinkColumn
    | Exponential
    | UnknownStep
    | Copy
    | Product
)


@dataclass(eq=False)
class Node:
    """A tensor of scores, and the step that computed it from its parent.

    Attributes:
        layout: of the tensor that the step computed.
        step: what was done; a `Product` at the beginning of a chain.
        reference: to the tensor's memory.
        parent: the tensor before.
        operand_layout: the layout in which the step read the parent's memory, with the axes of this
            tensor.
        dtype: of the tensor.
        product: the beginning of the chain.
        modules: the modules that were running at the product.
        is_exponential: whether it holds exponentials of scores instead of scores.
    """

    layout: Layout
    step: Step
    reference: StorageWeakRef
    parent: Node | None = None
    operand_layout: Layout | None = None
    dtype: torch.dtype = torch.float32
    product: Product = field(init=False)
    is_exponential: bool = field(init=False)
    modules: Chain = field(default_factory=lambda: Chain(()))

    def __post_init__(self) -> None:
        of_parent = self.parent is not None and self.parent.is_exponential
        self.is_exponential = of_parent or isinstance(self.step, Exponential)
        if isinstance(self.step, Product):
            self.product = self.step
        else:
            assert self.parent is not None
            self.product = self.parent.product
            self.modules = self.parent.modules

    @property
    def why_unknown(self) -> str | None:
        """Why the chain is not understood; None if it is."""
        node: Node | None = self
        while node is not None:
            if isinstance(node.step, UnknownStep):
                return node.step.why
            node = node.parent
        return None

    def chain(self) -> list[Node]:
        """Return the nodes from the product to this one."""
        nodes: list[Node] = []
        node: Node | None = self
        while node is not None:
            nodes.append(node)
            node = node.parent
        return nodes[::-1]

    def copy_before_a_write(self, storage: int) -> None:
        """Copy the tensors of the chain that the model is about to write to.

        Queries and keys are in the model's own memory, which it may overwrite before its softmax:
        by a rotation in place, in a buffer of keys, by a scale. The version counters of tensors do
        not help, since below autograd every alias has its own.
        """
        for node in self.chain():
            for name, value in vars(node.step).items():
                if isinstance(value, Tensor) and storage_of(value) == storage:
                    setattr(node.step, name, value.detach().clone())


def along_last_axis(x: Tensor, layout: Layout) -> bool:
    """Return whether the last axis of a view is that of a layout of the same memory."""
    return (x.shape[-1], x.stride(-1)) == (layout.shape[-1], layout.stride[-1])


def storage_of(x: Tensor) -> int:
    """Return what identifies a tensor's memory; a view shares it with its base."""
    return x.untyped_storage()._cdata


def weak_reference(x: Tensor) -> StorageWeakRef:
    """Return a reference that tells whether memory was freed, and reserves its address."""
    return StorageWeakRef(x.untyped_storage())


def tensors_in(args: Sequence[Any]) -> list[Tensor]:
    """Return the tensors among arguments, including those in lists."""
    tensors = []
    for x in args:
        if isinstance(x, Tensor):
            tensors.append(x)
        elif isinstance(x, list | tuple):
            tensors.extend(y for y in x if isinstance(y, Tensor))
    return tensors


def is_forward_mode() -> bool:
    """Return whether tangents are being computed, whose products look like any others."""
    return bool(torch.autograd.forward_ad._current_level >= 0)
