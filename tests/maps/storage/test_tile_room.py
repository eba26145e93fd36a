"""Keys and room are made once for each dtype that is wanted."""

from __future__ import annotations

import torch

from clearhead.maps.storage.tile_room import Keys, Room


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
