"""Ancestors of rows: each key and query lies in the row that computed it."""

from __future__ import annotations

import torch

from clearhead.maps.recording.steps.cache_overlap import Continuation
from clearhead.maps.recording.steps.lineage import Lineage, gather_rows


def family() -> Lineage:
    """Three rows: a prompt of two tokens, then three steps, two of which exchange rows."""
    lineage = Lineage(3, 2)
    lineage.add(Continuation(torch.tensor([1, 1, 0])), 2, 3, 3)
    lineage.add(Continuation(), 3, 4, 4)
    lineage.add(Continuation(torch.tensor([2, 0, 0])), 4, 5, 5)
    return lineage


def test_paths_go_back_to_the_first_step():
    lineage = family()
    assert lineage.is_reordered
    assert lineage.paths().tolist() == [[0, 2, 2, 0], [1, 0, 0, 1], [1, 0, 0, 2]]
    ended = lineage.paths_of(torch.tensor([1]), 2)
    assert ended.tolist() == [[1, 1, 1]]
    assert lineage.origin(None).tolist() == [0, 1, 1]
    assert lineage.origin(torch.tensor([2, 0, 1])).tolist() == [1, 0, 1]


def test_keys_of_rows_are_those_of_their_paths():
    lineage = family()
    keys = torch.arange(15.0).view(3, 1, 5, 1)
    rows = lineage.key_rows(lineage.paths(), 5)
    assert rows.tolist() == [[0, 0, 2, 2, 0], [1, 1, 0, 0, 1], [1, 1, 0, 0, 2]]
    assert torch.equal(lineage.keys_of_rows(keys), gather_rows(keys, rows))
    assert gather_rows(keys, rows)[0].flatten().tolist() == [0, 1, 12, 13, 4]
    assert lineage.keys_before(2) == 3


def test_rows_that_stay_need_no_table():
    lineage = Lineage(2, 3)
    lineage.add(Continuation(), 3, 4, 4)
    keys = torch.randn(2, 1, 4, 2)
    assert not lineage.is_reordered
    assert lineage.keys_of_rows(keys) is keys
    assert lineage.origin(None) is None
    assert lineage.paths().tolist() == [[0, 0], [1, 1]]


def test_dropped_keys_are_gone_from_the_last_step():
    lineage = family()
    lineage.drop(1)
    assert lineage.keys_of_rows(torch.zeros(3, 1, 4, 1)).shape == (3, 1, 4, 1)
    lineage.add(Continuation(uncertain=True), 4, 5, 5)
    assert lineage.uncertain
    assert lineage.key_rows(lineage.paths(), 5)[1].tolist() == [1, 1, 0, 0, 1]
