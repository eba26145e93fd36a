"""One fixed binary tree over the micro-batches of a step.

A sum of floats depends on the order of its additions. Here a tree over the micro-batches' numbers
fixes the order: each half is summed in the same way, then the two sums are added. The same pairs
are added whichever process computes them, so the sum has the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor

Node = tuple[int, int]
"""A range of micro-batches: the number of the first, and of the one after the last."""


def halves(node: Node) -> tuple[Node, Node]:
    """Return the two children of a node that has at least two micro-batches."""
    start, stop = node
    middle = (start + stop) // 2
    return (start, middle), (middle, stop)


def share_of(rank: int, processes: int, count: int) -> Node:
    """Return the contiguous range of ``count`` micro-batches that a process computes."""
    return rank * count // processes, (rank + 1) * count // processes


def whole_nodes(share: Node, count: int) -> Iterator[Node]:
    """Yield the largest nodes of the tree over ``count`` micro-batches that lie within a share.

    Together they cover the share. A process sends one sum for each.
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
    """Return the sum of a node, added in place to its first summand.

    Args:
        node: the node to sum.
        summand: returns the tensor of a node, or None to add up its children instead. A node of one
            micro-batch must have a tensor. Nodes are visited from left to right, and at most one
            tensor for each level of the tree is held at a time.
    """
    tensor = summand(node)
    if tensor is None:
        first, second = halves(node)
        tensor = sum_in_tree(first, summand)
        tensor += sum_in_tree(second, summand)
    return tensor
