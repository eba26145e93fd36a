"""Pictures that are made tile by tile are those of the whole map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from clearhead.explorer.contract.stopping import QuestionCancelled, Stop, until
from clearhead.explorer.recordings import picture as recordings_picture
from clearhead.explorer.recordings.picture import picture
from clearhead.maps import AttentionMap
from clearhead.maps.storage import tile_plan

HEADS, QUERIES, KEYS = 4, 37, 41


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    query = torch.randn(1, HEADS, QUERIES, 8, generator=draw)
    return query, torch.randn(1, 2, KEYS, 8, generator=draw)


def documents() -> torch.Tensor:
    """Three documents in one row: each query sees its own, and the fourth sees nothing."""
    of_queries, of_keys = torch.arange(QUERIES) // 10, torch.arange(KEYS) // 10
    return (of_queries[:, None] == of_keys) & (of_queries[:, None] < 3)


def holes() -> torch.Tensor:
    draw = torch.Generator().manual_seed(4)
    mask = torch.rand(1, HEADS, QUERIES, KEYS, generator=draw) > 0.97
    mask[:, :, 5:9] = False
    return mask


def endless() -> torch.Tensor:
    bias = torch.zeros(1, 1, QUERIES, KEYS)
    bias[..., 20:] = -torch.inf
    bias[..., 3, :] = -torch.inf
    bias[..., 7, 30] = 1.0
    return bias


WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "causal": {"causal": True},
    "window": {"window": (3, 0)},
    "a window of nothing but the far past": {"window": (4, 0), "causal_offset": 100},
    "documents": {"mask": documents()},
    "documents and causal": {"mask": documents(), "causal": True},
    "holes": {"mask": holes()},
    "holes and causal": {"mask": holes(), "causal": True},
    "an endless bias": {"bias": endless()},
    "an endless bias and causal": {"bias": endless(), "causal": True},
    "alibi": {"bias": -0.5 * (torch.arange(KEYS) - torch.arange(QUERIES)[:, None]).abs().float()},
    "sinks": {"sinks": torch.linspace(-1, 2, HEADS), "causal": True},
    "score_mod": {
        "score_mod": lambda score, b, h, i, j: torch.where((i + j) % 3 == 0, score, -torch.inf)
    },
}


def expected(one: AttentionMap, block: tuple[int, int]) -> tuple[Any, Any, Any]:
    weights = one.dense()[0].double().numpy()
    hidden = np.isneginf(one.scores[0].numpy()).all(axis=0)
    rows = range(0, QUERIES, block[0])
    columns = range(0, KEYS, block[1])
    cells = [[(slice(y, y + block[0]), slice(x, x + block[1])) for x in columns] for y in rows]
    pictures = np.array([[weights[:, y, x].max(axis=(1, 2)) for y, x in row] for row in cells])
    masked = np.array([[hidden[y, x].all() for y, x in row] for row in cells])
    logs = np.log(np.where(weights > 0, weights, 1))
    seeing = (weights > 0).any(axis=2).sum(axis=1)
    entropy = -(weights * logs).sum(axis=(1, 2)) / np.maximum(seeing, 1)
    return pictures.transpose(2, 0, 1), entropy, masked


@pytest.mark.parametrize("block", [(1, 1), (4, 5), (7, 41), (100, 100)])
@pytest.mark.parametrize("way", WAYS)
def test_a_picture_is_that_of_the_whole_map(way: str, block: tuple[int, int], monkeypatch: Any):
    monkeypatch.setattr(tile_plan, "CPU_TILE", 1 << 9)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 4)
    monkeypatch.setattr(recordings_picture, "CHUNK", 1 << 10)
    options = dict(WAYS[way])
    one = AttentionMap.of(*tensors(), **options)
    tiled = picture(one, block)
    weights, entropy, masked = expected(AttentionMap.of(*tensors(), **options), block)
    np.testing.assert_allclose(tiled.weights, weights, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(tiled.entropy, entropy, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(tiled.masked, masked)
    assert (tiled.weights.dtype, tiled.entropy.dtype, tiled.masked.dtype) == (
        np.float32, np.float64, np.uint8
    )  # fmt: skip
    assert one.known_lse is not None


def test_a_picture_that_nobody_waits_for_ends_between_two_tiles(monkeypatch: Any):
    monkeypatch.setattr(tile_plan, "CPU_TILE", 1 << 9)
    monkeypatch.setattr(tile_plan, "LEAST_ROWS", 4)
    stop, looks, original = Stop(), [], Stop.check

    def count_and_check(self: Stop) -> None:
        looks.append(self)
        if len(looks) == 5:
            stop.give_up()
        original(self)

    monkeypatch.setattr(Stop, "check", count_and_check)
    with pytest.raises(QuestionCancelled):
        until(stop, lambda: picture(AttentionMap.of(*tensors()), (4, 4)))
    assert len(looks) == 5


def test_so_does_the_look_at_a_mask_with_holes(monkeypatch: Any):
    monkeypatch.setattr(recordings_picture, "CHUNK", HEADS * KEYS)
    one, looks, original = AttentionMap.of(*tensors(), mask=holes()), [], Stop.check

    def count_and_check(self: Stop) -> None:
        looks.append(self)
        original(self)

    monkeypatch.setattr(Stop, "check", count_and_check)
    picture(one, (4, 4))
    assert len(looks) >= QUERIES  # a row at a time
