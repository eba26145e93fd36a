"""Finds the product of each element of assembled scores, and the sources of queries and keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from .....shapes import Bool, Float, Int
from ....recording.captured import Unreadable
from .._nodes import Layout, Node, Product, storage_of
from ._movements import Movements, Piece
from ._replay import CONSTANT, Elements, Replay, stepped

REORDERED = (
    "its queries or keys were gathered in another order, so that places are not those of tokens"
)


@dataclass(eq=False)
class ProductElements:
    """A product that has elements among assembled scores.

    Attributes:
        product: the product.
        base: the number of its first element.
        shape: (matrices, rows, columns).
    """

    product: Product
    base: int
    shape: tuple[int, int, int]

    @property
    def count(self) -> int:
        return self.shape[0] * self.shape[1] * self.shape[2]


class ScoreLeaves:
    """The scores before they were assembled: nodes, with numbered elements.

    Args:
        nodes: by their storage.

    Attributes:
        products: those found so far, in the order of their elements' numbers.
    """

    def __init__(self, nodes: Mapping[int, Node]) -> None:
        self._nodes = nodes
        self.products: list[ProductElements] = []
        self._next = 0

    def leaf(self, piece: Piece, is_written: bool) -> Elements | None:
        """Return the elements of a node's memory; None for a memory without scores."""
        node = self._nodes.get(piece.storage)
        return None if node is None else self._elements(node, piece.size)

    def _numbered(self, node: Node) -> ProductElements:
        for one in self.products:
            if one.product is node.product:
                return one
        lhs, rhs = node.product.lhs, node.product.rhs
        one = ProductElements(node.product, self._next, (lhs.shape[0], lhs.shape[1], rhs.shape[2]))
        self.products.append(one)
        self._next += one.count
        return one

    def _elements(self, node: Node, size: int) -> Elements:
        """Follow the numbers of elements from the product to the node."""
        first, *chain = node.chain()
        numbered = self._numbered(node)
        numbers = torch.arange(numbered.base, numbered.base + numbered.count)
        layout = first.layout
        elements = Elements(
            _in_memory(numbers.view(layout.shape), layout), None, {numbered.base: 1.0}
        )
        for later in chain:
            assert later.operand_layout is not None
            after = stepped(elements, later.operand_layout, later.step)
            origin = _in_memory(after.origin, later.layout)
            term = None if after.term is None else _in_memory(after.term, later.layout)
            elements = Elements(origin, term, after.factors)
        return Elements(
            _resized(elements.origin, size, CONSTANT),
            None if elements.term is None else _resized(elements.term, size, 0),
            elements.factors,
        )


def _in_memory(x: Tensor, layout: Layout) -> Tensor:
    """Return numbers in the order of a memory with a layout."""
    steps = zip(layout.shape, layout.stride, strict=True)
    size = 1 + layout.offset + sum((count - 1) * stride for count, stride in steps)
    memory = torch.full((size,), CONSTANT, dtype=x.dtype)
    memory.as_strided(layout.shape, layout.stride, layout.offset).copy_(x)
    return memory


def _resized(x: Tensor, size: int, fill: int) -> Tensor:
    return x if len(x) >= size else torch.cat([x, x.new_full((size - len(x),), fill)])


class Addresses:
    """The sources of vectors: an address for each element of the memories in which they began.

    Args:
        movements: the noted movements.
    """

    def __init__(self, movements: Movements) -> None:
        self._bases: dict[int, tuple[int, Piece]] = {}
        self.size = 0
        self._replay = Replay(movements, self._leaf)

    def _leaf(self, piece: Piece, is_written: bool) -> Elements | None:
        if is_written:
            return None  # a buffer: its contents came from elsewhere
        if piece.storage not in self._bases:
            # The piece holds a reference, which keeps the memory's number unique.
            self._bases[piece.storage] = self.size, piece
            self.size += piece.size
        base = self._bases[piece.storage][0]
        return Elements(torch.arange(base, base + piece.size), None, {})

    def of(self, x: Tensor) -> Int[Tensor, "*shape"]:
        """Return the addresses of the elements of a tensor; CONSTANT for those without one."""
        return self._replay.origin(x)

    def memories(self) -> list[tuple[int, int]]:
        """Return the first address of each memory, and the end of its range."""
        bases = sorted(base for base, _ in self._bases.values())
        return list(zip(bases, [*bases[1:], self.size], strict=True))


@dataclass(eq=False)
class ScoreElements:
    """The meaning of each element of a softmax's input.

    Attributes:
        query, key: addresses of the query and the key of each element; CONSTANT for elements of no
            product.
        row, column: for each product, the query and key of each of its elements, as an index in
            [matrices * rows] and in [matrices * columns].
        which: the index of each element's product in `products`; CONSTANT for none.
        term: what was added to each element; None for nothing.
        factor: the factor of the products.
        products: the products: queries by rows, keys by rows.
    """

    query: Int[Tensor, "*lead width"]
    key: Int[Tensor, "*lead width"]
    row: Int[Tensor, "*lead width"]
    column: Int[Tensor, "*lead width"]
    which: Int[Tensor, "*lead width"]
    term: Float[Tensor, "*lead width"] | None
    factor: float
    products: list[tuple[Float[Tensor, "_ _ head_dim"], Float[Tensor, "_ _ head_dim"]]]


@dataclass(frozen=True, eq=False)
class _Side:
    """One factor of a product as vectors, and the vector of each element."""

    vectors: Float[Tensor, "matrices rows width"]
    at: Int[Tensor, "elements"]


def score_elements(
    scores: Tensor, axis: int, nodes: Mapping[int, Node], movements: Movements, where: Addresses
) -> ScoreElements:
    """Return the meaning of the elements of a softmax's input.

    Args:
        scores, axis: the input, and the axis of the keys.
        nodes: of scores before they were assembled.
        movements: the noted movements.
        where: finds the sources of queries and keys.

    Raises:
        Unreadable: a step on the way is not understood.
    """
    leaves = ScoreLeaves(nodes)
    elements = Replay(movements, leaves.leaf).of(scores)
    piece = Piece.of(scores)
    number = piece.view(elements.origin).movedim(axis, -1)
    term = None if elements.term is None else piece.view(elements.term).movedim(axis, -1)
    blank = [torch.full(number.shape, CONSTANT) for _ in range(5)]
    query, key, row, column, which = blank
    products: list[tuple[Tensor, Tensor]] = []
    factors = set()
    for one in leaves.products:
        inside = (number >= one.base) & (number < one.base + one.count)
        if not bool(inside.any()):
            continue
        _, rows, columns = one.shape
        local = number[inside] - one.base
        matrix, i, j = local // (rows * columns), local // columns % rows, local % columns
        sides = [
            _Side(one.product.lhs, matrix * rows + i),
            _Side(one.product.rhs.transpose(1, 2), matrix * columns + j),
        ]
        addresses = [where.of(side.vectors[:, :, 0]).reshape(-1)[side.at] for side in sides]
        if _differ_in_rows(inside, addresses[0]):  # keys times queries
            sides, addresses = sides[::-1], addresses[::-1]
        query[inside], key[inside] = addresses
        at_rows, at_columns = (side.at for side in sides)
        lhs, rhs = (side.vectors for side in sides)
        row[inside], column[inside], which[inside] = at_rows, at_columns, len(products)
        products.append((lhs, rhs))
        factors.add(elements.factors[one.base])
    if not products:
        raise Unreadable("nothing of a product is left in its scores")
    if len(factors) > 1:
        raise Unreadable("its products were scaled by different numbers")
    return ScoreElements(query, key, row, column, which, term, factors.pop(), products)


def _differ_in_rows(inside: Bool[Tensor, "*lead width"], address: Int[Tensor, "elements"]) -> bool:
    """Return whether elements of one row have different addresses."""
    rows = torch.full(inside.shape, CONSTANT)
    rows[inside] = address
    return bool(((rows != rows.amax(-1, keepdim=True)) & inside).any())


def are_reordered(movements: Movements, vectors: Float[Tensor, "matrices rows width"]) -> bool:
    """Return whether vectors were gathered in another order than that of their memory."""
    if not movements.gathers(storage_of(vectors)):
        return False
    places = Addresses(movements).of(vectors[:, :, 0])
    return bool((places.diff(dim=1) < 0).any())


def check_order(movements: Movements, product: Product) -> None:
    """Check that neither queries nor keys were gathered in another order.

    Raises:
        Unreadable: they were, so places in a map would not be those of tokens.
    """
    if any(are_reordered(movements, x) for x in (product.lhs, product.rhs.transpose(1, 2))):
        raise Unreadable(REORDERED)
