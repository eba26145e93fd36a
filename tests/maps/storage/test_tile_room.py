"""Keys and room are made once for each dtype that is wanted."""

from __future__ import annotations

import torch

from clearhead.maps.storage import tile_room
from clearhead.maps.storage.tile_room import Keys, Room, room_for


def test_keys_are_converted_once():
    whole = torch.randn(1, 2, 5, 4).to(torch.bfloat16)
    keys = Keys(whole[:, :, ::2])
    assert keys.length == 3
    narrow, wide = keys.of(torch.float32), keys.of(torch.float64)
    assert narrow is keys.of(torch.float32)
    assert torch.equal(wide, whole[:, :, ::2].double())
    assert narrow.is_contiguous()
    torch.testing.assert_close(keys.norm, whole[:, :, ::2].float().norm(dim=-1).amax(-1))


def test_room_for_wide_products_is_made_only_where_they_are_wanted():
    room = Room(12, torch.float32, torch.device("cpu"))
    assert room.products(torch.float32) is room.narrow
    assert room._wide is None
    wide = room.products(torch.float64)
    assert (wide.dtype, wide.shape) == (torch.float64, (12,))
    assert room.products(torch.float64) is wide


def test_the_memory_of_a_pass_is_used_again_by_the_next(monkeypatch):
    monkeypatch.setattr(tile_room, "_IDLE_ROOMS", [])
    monkeypatch.setattr(tile_room, "_IDLE_ENTRIES", range(2, 20))
    cpu = torch.device("cpu")
    with torch.inference_mode(), room_for(12, torch.float32, cpu) as first:
        first.narrow.zero_()
        first.products(torch.float64)
        with room_for(12, torch.float32, cpu) as beside:
            assert beside is not first
    with room_for(10, torch.float32, cpu) as again:
        assert again in (first, beside)
        assert again._wide is None
        again.narrow.add_(1)  # it is no inference mode's
    with room_for(13, torch.float32, cpu) as larger, room_for(12, torch.float64, cpu) as wider:
        assert (larger.entries, wider.narrow.dtype) == (13, torch.float64)
    for _ in range(9):
        with room_for(5, torch.float32, cpu), room_for(6, torch.float32, cpu):
            pass
    assert len(tile_room._IDLE_ROOMS) <= 4
    for entries in (1, 20):  # so small ones cost nothing, and large ones are not held
        with room_for(entries, torch.float32, cpu) as room:
            pass
        assert room not in tile_room._IDLE_ROOMS
    tile_room._IDLE_ROOMS.clear()
    with room_for(19, torch.float32, cpu):
        pass
    with room_for(3, torch.float32, cpu) as small:
        assert small.entries == 3  # a short map gets no memory of a long one
