"""What was computed of a recording is kept, within a bound, also for who comes back."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from clearhead.explorer.recordings_modules import Module
from clearhead.explorer.recordings_rows import Kept, Rows
from clearhead.explorer.stopping import Stopped
from clearhead.maps import AttentionMap


def test_the_eldest_is_forgotten_first():
    kept: Kept[str, int] = Kept(2)
    assert kept.put("a", 1) == 1
    assert kept.put("a", 9) == 1  # the first of two threads
    kept.put("b", 2)
    assert (kept.get("a"), kept.get("b")) == (1, 2)
    kept.put("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (None, 2, 3)


@pytest.fixture
def layers() -> list[Module]:
    maps = [AttentionMap.of(torch.randn(2, 2, 9, 4), torch.randn(2, 2, 9, 4)) for _ in range(4)]
    return [Module(f"layers.{n}", one, part="self", layer=n) for n, one in enumerate(maps)]


def test_a_row_remembers_its_log_sum_exp(layers: list[Module]):
    rows = Rows()
    assert rows.map_of(layers[0], 1).known_lse is None
    rows.pictures(layers[:1], 1, (3, 3))
    assert rows.map_of(layers[0], 1).known_lse is not None
    assert rows.map_of(layers[0], 0).known_lse is None


def test_a_question_that_was_given_up_goes_on_where_it_ended(layers: list[Module]):
    drawn: list[Any] = []

    def draw(one: AttentionMap, block: tuple[int, int]) -> Any:
        if len(drawn) == 2:
            drawn.append("given up")
            raise Stopped
        drawn.append(one)
        return len(drawn)

    rows = Rows(draw)
    with pytest.raises(Stopped):
        rows.pictures(layers, 0, (3, 3))
    assert rows.pictures(layers, 0, (3, 3)) == [1, 2, 4, 5]
    assert rows.pictures(layers, 0, (3, 3)) == [1, 2, 4, 5]
    assert rows.pictures(layers[1:2], 0, (3, 3)) == [2]
    assert len(drawn) == 5
    assert rows.pictures(layers[1:2], 0, (9, 9)) == [6]
