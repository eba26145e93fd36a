"""What was computed of a recording is kept, within a bound, also for who comes back."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch

from clearhead.explorer.contract.stopping import QuestionCancelled
from clearhead.explorer.recordings import rows as recordings_rows
from clearhead.explorer.recordings.bounds import picture_work
from clearhead.explorer.recordings.modules import Module
from clearhead.explorer.recordings.picture import Picture
from clearhead.explorer.recordings.rows import LatestValues, Rows
from clearhead.maps import AttentionMap


def test_the_eldest_is_forgotten_first():
    latest: LatestValues[str, int] = LatestValues(2)
    assert latest.store("a", 1) == 1
    assert latest.store("a", 9) == 1  # the first of two threads
    latest.store("b", 2)
    assert (latest.get("a"), latest.get("b")) == (1, 2)
    latest.store("c", 3)
    assert (latest.get("a"), latest.get("b"), latest.get("c")) == (None, 2, 3)


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


def draw_numbers(maps: list[Any], ends_at: int) -> Any:
    """Draws the number of the picture, and is given up at one of them."""

    def draw(one: AttentionMap, block: tuple[int, int]) -> Picture:
        maps.append(one)
        if len(maps) == ends_at:
            raise QuestionCancelled
        heads = one.shape[1]
        number = np.full((heads, 1, 1), len(maps), np.float32)
        return Picture(number, np.zeros(heads), np.full((1, 1), len(maps) % 2, np.uint8))

    return draw


def numbers(rows: Rows, modules: list[Module], block: tuple[int, int] = (3, 3)) -> list[list[int]]:
    return [one.weights[:, 0, 0].astype(int).tolist() for one in rows.pictures(modules, 0, block)]


def test_a_question_that_was_given_up_goes_on_where_it_ended(layers: list[Module]):
    maps: list[Any] = []
    rows = Rows(draw_numbers(maps, ends_at=3))
    with pytest.raises(QuestionCancelled):
        numbers(rows, layers)
    assert numbers(rows, layers) == [[1, 1], [2, 2], [4, 4], [5, 5]]
    assert numbers(rows, layers) == [[1, 1], [2, 2], [4, 4], [5, 5]]
    assert numbers(rows, layers[1:2]) == [[2, 2]]
    assert len(maps) == 5
    assert numbers(rows, layers[1:2], (9, 9)) == [[6, 6]]


def test_so_does_one_layer_that_takes_long(layers: list[Module], monkeypatch: Any):
    monkeypatch.setattr(recordings_rows, "PIECE", picture_work(layers[0].map) // 2)
    maps: list[Any] = []
    rows = Rows(draw_numbers(maps, ends_at=2))
    with pytest.raises(QuestionCancelled):
        numbers(rows, layers[:1])
    assert numbers(rows, layers[:1]) == [[1, 3]]
    assert [one.shape[1] for one in maps] == [1, 1, 1]
    (drawing,) = rows.pictures(layers[:1], 0, (3, 3))
    assert (drawing.entropy.shape, drawing.masked.tolist()) == ((2,), [[1]])


def test_pieces_make_up_the_picture_of_all_heads(layers: list[Module], monkeypatch: Any):
    draw = torch.Generator().manual_seed(5)
    query, key = (torch.randn(2, heads, 9, 4, generator=draw) for heads in (6, 3))
    mask = torch.rand(2, 6, 9, 9, generator=draw) > 0.9
    module = Module("layers.0", AttentionMap.of(query, key, mask=mask, causal=True), part="self")
    (whole,) = Rows().pictures([module], 1, (2, 2))
    monkeypatch.setattr(recordings_rows, "PIECE", 1)
    (drawing,) = Rows().pictures([module], 1, (2, 2))
    assert whole.masked.any()
    assert not whole.masked.all()
    for name in ("weights", "entropy", "masked"):
        np.testing.assert_allclose(getattr(drawing, name), getattr(whole, name), rtol=1e-6)


def test_two_questions_at_once_draw_a_picture_once(layers: list[Module]):
    maps: list[Any] = []
    results: list[Any] = []
    has_begun, go = threading.Event(), threading.Event()
    number = draw_numbers(maps, ends_at=0)

    def draw(one: AttentionMap, block: tuple[int, int]) -> Picture:
        has_begun.set()
        assert go.wait(60)
        return number(one, block)

    rows = Rows(draw)
    threads = [
        threading.Thread(target=lambda: results.append(numbers(rows, layers[:1]))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    assert has_begun.wait(60)
    go.set()
    for thread in threads:
        thread.join()
    assert results == [[[1, 1]], [[1, 1]]]
