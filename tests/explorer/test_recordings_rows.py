"""What was computed of a recording is kept, within a bound, also for who comes back."""

from __future__ import annotations

import threading
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Drawn:
    number: int
    nbytes: int = 1


def test_a_question_that_was_given_up_goes_on_where_it_ended(layers: list[Module]):
    drawn: list[Any] = []

    def draw(one: AttentionMap, block: tuple[int, int]) -> Any:
        drawn.append(one)
        if len(drawn) == 3:
            raise Stopped
        return Drawn(len(drawn))

    def numbers(asked: list[Module], block: tuple[int, int]) -> list[int]:
        return [one.number for one in rows.pictures(asked, 0, block)]  # type: ignore[attr-defined]

    rows = Rows(draw)
    with pytest.raises(Stopped):
        rows.pictures(layers, 0, (3, 3))
    assert numbers(layers, (3, 3)) == [1, 2, 4, 5]
    assert numbers(layers, (3, 3)) == [1, 2, 4, 5]
    assert numbers(layers[1:2], (3, 3)) == [2]
    assert len(drawn) == 5
    assert numbers(layers[1:2], (9, 9)) == [6]


def test_two_questions_at_once_draw_a_picture_once(layers: list[Module]):
    drawn, begun, go, found = [], threading.Event(), threading.Event(), []

    def draw(one: AttentionMap, block: tuple[int, int]) -> Any:
        drawn.append(one)
        begun.set()
        assert go.wait(60)
        return Drawn(len(drawn))

    rows = Rows(draw)
    threads = [
        threading.Thread(target=lambda: found.append(rows.pictures(layers[:1], 0, (3, 3))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    assert begun.wait(60)
    go.set()
    for thread in threads:
        thread.join()
    assert found == [[Drawn(1)], [Drawn(1)]]
