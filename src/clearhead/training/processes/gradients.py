"""Sums the gradients of a step, with the same bits for any number of processes.

Every process adds the gradients of its own micro-batches in the order of the tree in `tree`. It
sends the N-th part of each sum to process N, which adds these parts in the same tree. Then all
processes gather all parts. Each of P processes sends 2 (P - 1) / P times the size of the gradients,
as in a ring all-reduce, if its share of micro-batches is one node of the tree (P and the number of
micro-batches are powers of two). Otherwise it sends up to twice as much in the first half of the
exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from .parallel import Processes
from .tree import Node, share_of, sum_in_tree, whole_nodes

_SPREAD = 0x9E3779B97F4A7C15  # an odd 64-bit number: 2**64 divided by the golden ratio


def seed_of(seed: int, step: int, micro_batch: int) -> int:
    """Return the seed of a micro-batch's dropout, which depends only on the arguments.

    PyTorch's CPU generator reads only 32 bits of a seed, so all bits are mixed (the finalizer of
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
    """Set the parameters' gradients to those of a step, summed over all its micro-batches.

    Args:
        parameters: of the model, without gradients.
        processes: that share the work.
        count: the number of micro-batches. The bits of the sum depend on it, not on the number of
            processes.
        backward: called with a micro-batch's number; adds its gradients to the parameters', as
            autograd does.
    """
    if count == 1:
        backward(0)
        return
    share = share_of(processes.rank, processes.count, count)
    size = sum(parameter.numel() for parameter in parameters)
    length = -(-size // processes.count)  # length of a process's part; the last one may be shorter
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
    """Return the gradients as one tensor, padded with zeros, and clear them."""
    first = parameters[0]
    flat = first.new_empty(padded, requires_grad=False)
    start = 0
    for parameter in parameters:
        part = flat[start : start + parameter.numel()]
        if parameter.grad is None:  # in a short step, a micro-batch may have no rows
            part.zero_()
        else:
            part.copy_(parameter.grad.view(-1))
            parameter.grad = None
        start += parameter.numel()
    flat[start:].zero_()
    return flat


def _exchange(sums: dict[Node, Tensor], processes: Processes, count: int) -> Tensor:
    """Return the sum over all processes, in the order of the tree; each adds up its own part."""
    every = [
        list(whole_nodes(share_of(rank, processes.count, count), count))
        for rank in range(processes.count)
    ]
    own = list(sums.values())
    length = own[0].numel() // processes.count
    if len(own) == 1:
        outgoing = own[0]
    else:  # ordered by part, then by this process's nodes
        outgoing = torch.stack([total.view(processes.count, length) for total in own], dim=1)
    parts = processes.scatter_parts(
        outgoing.view(-1), length, [len(nodes) for nodes in every]
    ).split(length)
    by_node = dict(zip((node for nodes in every for node in nodes), parts, strict=True))
    part = sum_in_tree((0, count), by_node.get)
    return processes.gather_parts(part, own[0])
