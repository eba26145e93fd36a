"""One fixed binary tree over the micro-batches of a step.

A sum of floats depends on its order. Here the order is that of a tree over the numbers of the
micro-batches: half of them, and the other half, each summed in the same way. Whichever process
computes which of them, the same pairs are added, so the sum has the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor

Node = tuple[int, int]
"""A run of micro-batches: the number of the first, and of the one after the last."""


def halves(node: Node) -> tuple[Node, Node]:
    """Return the two nodes below one that has at least two micro-batches."""
    start, stop = node
    middle = (start + stop) // 2
    return (start, middle), (middle, stop)


def share_of(rank: int, processes: int, count: int) -> Node:
    """Return which of ``count`` micro-batches a process computes: neighbours, as even as can be."""
    return rank * count // processes, (rank + 1) * count // processes


def whole_nodes(share: Node, count: int) -> Iterator[Node]:
    """Yield the largest nodes of the tree over ``count`` micro-batches within a share.

    Together they are the share. A process sends one sum for each.
    """
    yield from _within((0, count), share)


def _within(node: Node, share: Node) -> Iterator[Node]:
    (start, stop), (first, end) = node, share
    if first >= stop or end <= start:
        return
    if first <= start and stop <= end:
        yield node
        return
    for half in halves(node):
        yield from _within(half, share)


def sum_in_tree(node: Node, summand: Callable[[Node], Tensor | None]) -> Tensor:
    """Return the sum of a node, in the place of its first summand.

    Args:
        node: of which the sum is.
        summand: returns the tensor of a node, or None where those below it are to be added. A node
            of one micro-batch must have a tensor. They are asked for from left to right, and at
            most one for each level of the tree is held at a time.
    """
    tensor = summand(node)
    if tensor is None:
        first, second = halves(node)
        tensor = sum_in_tree(first, summand)
        tensor += sum_in_tree(second, summand)
    return tensor
