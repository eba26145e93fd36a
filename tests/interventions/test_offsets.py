"""Where the first query and the first key stand."""

from __future__ import annotations

import pytest
from torch import nn

from clearhead.interventions.offsets import Offsets, Past, offsets_of
from clearhead.maps.recorder.owners import Owner

SELF = Owner("attention", nn.Linear(1, 1), kind="self")
CROSS = Owner("attention", nn.Linear(1, 1), kind="cross")


@pytest.mark.parametrize(
    ("owner", "past", "lengths", "query", "key"),
    [
        (SELF, Past(), (7, 7), 0, 0),
        (SELF, Past(6, cached=True), (1, 7), 6, 0),  # a cache of all keys
        (SELF, Past(6, cached=True), (1, 4), 6, 3),  # one that forgets
        (SELF, Past(6, cached=True), (1, 20), 6, 0),  # one with room behind
        (SELF, Past(0, cached=True), (7, 20), 0, 0),
        (SELF, Past(4, cached=True), (3, 7), 4, 0),
        (CROSS, Past(6, cached=True), (1, 4), 6, 0),
        (CROSS, Past(), (7, 9), 0, 0),
        (Owner("", nn.MultiheadAttention(8, 2), kind="self"), Past(), (7, 8), 0, 0),
    ],
)
def test_positions(owner, past, lengths, query, key):
    assert offsets_of(owner, past, 2, *lengths) == Offsets(query, key)


def test_what_is_not_known():
    assert "does not say its length" in offsets_of(SELF, Past(None, cached=True), 2, 1, 7).doubt
    assert "1 queries to 7 keys and no cache" in offsets_of(SELF, Past(), 2, 1, 7).doubt
