"""Sums in a fixed tree have the same bits, however the micro-batches are shared out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.training.processes.tree import Node, share_of, sum_in_tree, whole_nodes


def test_a_sum_of_four_is_that_of_two_halves() -> None:
    values = torch.tensor([1e8, 1.0, -1e8, 1.0])
    assert sum_in_tree((0, 4), leaves(values)) == (values[0] + values[1]) + (values[2] + values[3])
    assert values.sum(dtype=torch.float64) == 2.0  # which that sum is not
    assert sum_in_tree((0, 4), leaves(values)) == 0.0


def leaves(values: torch.Tensor):  # type: ignore[no-untyped-def]
    return lambda node: values[node[0]].clone() if node[1] - node[0] == 1 else None


@given(st.integers(1, 40), st.data())
def test_shared_out_it_has_the_same_bits(count: int, data: st.DataObject) -> None:
    processes = data.draw(st.integers(1, count))
    values = torch.randn(count, 3, generator=torch.Generator().manual_seed(count))
    whole = sum_in_tree((0, count), leaves(values))
    parts: dict[Node, torch.Tensor] = {}
    for rank in range(processes):
        share = share_of(rank, processes, count)
        assert share[0] < share[1]
        nodes = list(whole_nodes(share, count))
        assert [number for start, stop in nodes for number in range(start, stop)] == [
            *range(*share)
        ]
        parts |= {node: sum_in_tree(node, leaves(values)) for node in nodes}
    assert torch.equal(sum_in_tree((0, count), parts.get), whole)


@pytest.mark.parametrize(("processes", "count"), [(1, 8), (2, 8), (4, 8), (8, 8), (3, 3), (2, 6)])
def test_an_even_share_is_one_sum_to_send(processes: int, count: int) -> None:
    for rank in range(processes):
        assert len(list(whole_nodes(share_of(rank, processes, count), count))) == 1
