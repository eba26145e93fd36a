"""Which of the axes before queries and keys are the batch, and which the heads."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from clearhead.maps.recorder.eager._merged_axes import (
    AxisPart,
    Copies,
    Split,
    split_of,
    split_of_four,
)

BATCH, HEADS, LENGTH, WIDTH = 2, 3, 5, 4
ROW = HEADS * WIDTH
OF_BATCH, OF_HEADS = AxisPart(BATCH, LENGTH * ROW), AxisPart(HEADS, WIDTH)
PIECES = torch.arange(BATCH * HEADS)
NONE: frozenset[int] = frozenset()


def features() -> Tensor:
    return torch.randn(BATCH, LENGTH, ROW)


def batch_first(x: Tensor) -> Tensor:
    return x.unflatten(-1, (HEADS, WIDTH)).transpose(1, 2)


def heads_first(x: Tensor) -> Tensor:
    return x.unflatten(-1, (HEADS, WIDTH)).permute(2, 0, 1, 3)


@pytest.mark.parametrize(
    ("arrange", "parts"),
    [(batch_first, [OF_BATCH, OF_HEADS]), (heads_first, [OF_HEADS, OF_BATCH])],
)
def test_a_copy_of_permuted_axes_tells_what_they_were(arrange, parts):
    copies, source = Copies(), arrange(features())
    copy = source.clone(memory_format=torch.contiguous_format)
    copies.note(source, copy)
    assert copies.parts(copy.flatten(0, 1), PIECES) == (parts, ROW)
    assert copies.parts(copy.flatten(0, 1)[:, 1:], PIECES) == (parts, ROW)
    assert copies.parts(copy.flatten(0, 1), PIECES.flip(0)[:1]) == ([], ROW)


def test_of_memory_that_is_no_copy_nothing_is_known():
    copies = Copies()
    assert copies.parts(torch.randn(6, LENGTH, WIDTH), PIECES) is None
    source, copy = features(), torch.randn(6, LENGTH, WIDTH)
    copies.note(source, copy)
    copies.clear()
    assert copies.parts(copy, PIECES) is None


@pytest.mark.parametrize("is_stack", [False, True], ids=["cat", "stack"])
def test_pieces_of_one_memory_that_were_joined_are_an_axis_of_it(is_stack):
    copies, pieces = Copies(), features().split(WIDTH, -1)
    copy = torch.stack(pieces) if is_stack else torch.cat(pieces)
    copies.note_joined(pieces, copy, is_stack=is_stack, axis=0)
    factor = copy.flatten(0, 1) if is_stack else copy
    assert copies.parts(factor, PIECES) == ([OF_HEADS, OF_BATCH], ROW)


def test_pieces_of_several_memories_are_no_axis():
    copies, pieces = Copies(), [torch.randn(BATCH, LENGTH, WIDTH) for _ in range(HEADS)]
    copy = torch.cat(pieces)
    copies.note_joined(pieces, copy, is_stack=False, axis=0)
    assert copies.parts(copy, PIECES) == ([AxisPart(6, LENGTH * WIDTH)], WIDTH)


def test_what_a_module_was_given_is_the_memory_unless_it_is_a_copy():
    copies, x = Copies(), torch.randn(6, LENGTH, WIDTH)
    copies.note_whole(x)
    assert copies.parts(x, PIECES) == ([AxisPart(6, LENGTH * WIDTH)], WIDTH)
    source = batch_first(features())
    copy = source.contiguous()
    copies.note(source, copy)
    copies.note_whole(copy)
    assert copies.parts(copy.flatten(0, 1), PIECES) == ([OF_BATCH, OF_HEADS], ROW)


@pytest.mark.parametrize(
    ("lead", "parts", "hints", "batches", "split"),
    [
        ((6,), [OF_BATCH, OF_HEADS], [], NONE, Split(2, 3)),
        ((6,), [OF_HEADS, OF_BATCH], [], NONE, Split(2, 3, True)),
        ((6,), [OF_HEADS, OF_BATCH], [2], NONE, Split(6, 1, certain=False)),
        ((6,), [OF_HEADS, OF_BATCH], [2, 3], NONE, Split(2, 3, True)),
        ((3,), [OF_HEADS], [], NONE, Split(1, 3)),
        ((6,), None, [3], frozenset({2}), Split(6, 1, certain=False)),
        ((6,), None, [], NONE, Split(6, 1, certain=False)),
        ((2, 3), None, [], NONE, Split(2, 3)),
        ((2, 3), None, [3], frozenset({2}), Split(2, 3)),
        ((3, 2), None, [3], frozenset({2}), Split(2, 3, True)),
        ((3, 2), None, [3, 2], frozenset({2}), Split(3, 2)),
        ((3, 2), [OF_HEADS, OF_BATCH], [], NONE, Split(2, 3, True)),
        ((2, 3), [OF_BATCH, OF_HEADS], [2], NONE, Split(2, 3)),
    ],
)
def test_evidence_and_hints_tell_batch_from_heads(lead, parts, hints, batches, split):
    evidence = None if parts is None else (parts, ROW)
    assert split_of(lead, evidence, hints, batches, inside_rows=False) == split


def test_within_rows_the_batch_is_the_outer_part():
    assert split_of((6,), None, [3], NONE, inside_rows=True) == Split(2, 3)
    assert not split_of((6,), None, [], NONE, inside_rows=True).certain


@pytest.mark.parametrize(("arrange", "first"), [(batch_first, False), (heads_first, True)])
@pytest.mark.parametrize("is_copy", [False, True])
def test_a_kernel_may_be_given_another_order(arrange, first, is_copy):
    copies, query = Copies(), arrange(features())
    if is_copy:
        source, query = query, query.clone(memory_format=torch.contiguous_format)
        copies.note(source, query)
    assert split_of_four(query, copies, [], NONE) == Split(BATCH, HEADS, first)
