"""The gradients of a step, summed over its micro-batches with the same bits on any processes.

Every process adds those of its own micro-batches in the tree of `tree`, and sends the N-th part of
each sum to process N, which adds these parts in the same tree; then all get all parts. Over the
wire go 2 (P - 1) / P times the size of the gradients from each of P processes, as in a ring, where
each process's share of micro-batches is one node of the tree (P and their number are powers of
two), and up to twice as much for its first half where it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .parallel import Processes
from .tree import Node, share_of, sum_in_tree, whole_nodes

_SPREAD = 0x9E3779B97F4A7C15  # odd, of 64 bits: 2 to the 64 by the golden ratio


def seed_of(seed: int, step: int, micro_batch: int) -> int:
    """Return the seed of a micro-batch's dropout, which depends on nothing else.

    A CPU's generator reads 32 bits of a seed, so all of them are mixed (the finalizer of
    splitmix64, Steele et al. 2014).
    """
    state = (seed * _SPREAD + step) * _SPREAD + micro_batch
    state &= (1 << 64) - 1
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & ((1 << 64) - 1)
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & ((1 << 64) - 1)
    return (state ^ (state >> 31)) & 0xFFFFFFFF


def sum_gradients(
    parameters: Sequence[torch.nn.Parameter],
    processes: Processes,
    count: int,
    backward: Callable[[int], None],
) -> None:
    """Leave the gradients of a step, summed over all its micro-batches, in the parameters.

    Args:
        parameters: of the model, without gradients.
        processes: that share the work.
        count: of micro-batches; the bits of the sum depend on it and not on the processes.
        backward: adds a micro-batch's gradients to the parameters', as autograd does.
    """
    if count == 1:
        backward(0)
        return
    share = share_of(processes.rank, processes.count, count)
    size = sum(parameter.numel() for parameter in parameters)
    length = -(-size // processes.count)  # of a process's part; the last one may be shorter
    padded = length * processes.count

    def leaf(node: Node) -> Tensor | None:
        if node[1] - node[0] > 1:
            return None
        backward(node[0])
        return _flat(parameters, padded)

    sums = {node: sum_in_tree(node, leaf) for node in whole_nodes(share, count)}
    total = _exchange(sums, processes, count) if processes.count > 1 else sums[0, count]
    start = 0
    for parameter in parameters:
        parameter.grad = total[start : start + parameter.numel()].view_as(parameter)
        start += parameter.numel()


def _flat(parameters: Sequence[torch.nn.Parameter], padded: int) -> Tensor:
    """Return the gradients as one tensor, and clear them."""
    first = parameters[0]
    flat = first.new_empty(padded, requires_grad=False)
    start = 0
    for parameter in parameters:
        part = flat[start : start + parameter.numel()]
        if parameter.grad is None:  # a micro-batch of a short step may have no rows
            part.zero_()
        else:
            part.copy_(parameter.grad.view(-1))
            parameter.grad = None
        start += parameter.numel()
    flat[start:].zero_()
    return flat


def _exchange(sums: dict[Node, Tensor], processes: Processes, count: int) -> Tensor:
    """Return the sum over all processes, in the tree, of which each adds up its own part."""
    every = [
        list(whole_nodes(share_of(rank, processes.count, count), count))
        for rank in range(processes.count)
    ]
    own = list(sums.values())
    length = own[0].numel() // processes.count
    if len(own) == 1:
        outgoing = own[0]
    else:  # part by part, each of all our nodes
        outgoing = torch.stack([total.view(processes.count, length) for total in own], dim=1)
    parts = processes.scatter_parts(
        outgoing.view(-1), length, [len(nodes) for nodes in every]
    ).split(length)
    by_node = dict(zip((node for nodes in every for node in nodes), parts, strict=True))
    part = sum_in_tree((0, count), by_node.get)
    return processes.gather_parts(part, own[0])
