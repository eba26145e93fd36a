"""A finished call: its map, its size and what a table says of it."""

from __future__ import annotations

import torch

from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.measures.per_position import Entropy
from clearhead.maps.recording.calls import FinishedCall
from clearhead.maps.recording.outline import Outline
from clearhead.maps.storage.provenance import Source
from clearhead.maps.storage.summary_map import SummaryMap

SOURCE = Source(module="layer", kind="cross", kernel="flash")


def make_map():
    query, key = torch.randn(2, 4, 5, 8), torch.randn(2, 2, 7, 8)
    return AttentionMap.of(query, key, source=SOURCE)


def test_a_call_with_queries_and_keys():
    attention_map = make_map()
    call = FinishedCall(attention_map)
    assert call.map() is attention_map
    assert call.nbytes == (2 * 4 * 5 * 8 + 2 * 2 * 7 * 8) * 4
    assert call.outline == Outline("cross", 4, 2, 5, 7, "flash")


def test_a_call_of_which_measures_alone_are_stored():
    attention_map = make_map()
    summary = SummaryMap(attention_map.shape, SOURCE, attention_map.measure(Entropy()))
    call = FinishedCall(summary)
    assert call.map() is summary
    assert call.nbytes == 0
    # How many heads the keys had is not stored.
    assert call.outline == Outline("cross", 4, 4, 5, 7, "flash (summaries)")
