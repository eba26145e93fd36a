"""Keys that may be attended to, counted from masks a few queries at a time."""

from __future__ import annotations

from unittest.mock import patch

import torch

from clearhead.maps import AttentionMap
from clearhead.maps.heads.visible_places import attendable_keys, visible_places
from clearhead.maps.scores import positions

IDS = torch.tensor([[0, 1, 0, 1, 0, 2]])


def map_of(**options) -> AttentionMap:
    x = torch.zeros(1, 2, 6, 4)
    return AttentionMap.of(x, x, **options)


def test_counts_are_of_visible_keys() -> None:
    with patch.object(positions, "_CHUNK_ENTRIES", 13):
        causal = visible_places(map_of(causal=True), IDS)
        narrow = visible_places(map_of(causal=True, window=2), IDS)
        dense = torch.ones(6, 6).tril().bool() & (torch.arange(6) != 2)  # no run of keys
        holes = visible_places(map_of(mask=dense), IDS)
        free = visible_places(map_of())
    assert causal.keys[0, 0].tolist() == [1, 2, 3, 4, 5, 6]
    assert causal.near[0, 0].tolist() == [1, 2, 3, 4, 5, 5]
    assert causal.duplicate[0, 1].tolist() == [0, 0, 1, 1, 2, 0]
    assert causal.induction[0, 1].tolist() == [0, 0, 1, 1, 2, 0]
    assert narrow.keys[0, 0].tolist() == [1, 2, 3, 3, 3, 3]
    assert narrow.duplicate[0, 0].tolist() == [0, 0, 1, 1, 1, 0]
    assert holes.keys[0, 0].tolist() == [1, 2, 2, 3, 4, 5]
    assert holes.near[0, 0].tolist() == [1, 2, 2, 3, 4, 4]
    assert holes.duplicate[0, 0].tolist() == [0, 0, 1, 1, 1, 0]
    assert holes.induction[0, 0].tolist() == [0, 0, 1, 0, 2, 0]
    assert free.keys.unique().tolist() == [6]
    assert free.near[0, 0].tolist() == [5, 6, 6, 6, 6, 5]
    assert free.duplicate is None


def test_keys_that_only_padding_sees_are_not_attendable() -> None:
    own = torch.eye(6, dtype=torch.bool)
    hidden = own | (torch.arange(6) < 4)
    text = torch.arange(6)[None] < 4
    assert attendable_keys(map_of(mask=hidden), text)[0, 0].tolist() == [True] * 4 + [False] * 2
    assert attendable_keys(map_of(), text).all()
    assert not attendable_keys(map_of(), ~text & text).any()
