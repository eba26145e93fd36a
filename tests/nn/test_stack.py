"""Each layer is told of windows, rotations and biases what the config says of it."""

from __future__ import annotations

from typing import Any

import torch

from clearhead.config import TransformerConfig
from clearhead.nn.stack import Stack

X = torch.zeros(2, 4, 8)


def stack(name: str, **settings: Any) -> Stack:
    table = {"vocab_size": 9, "d_model": 8, "encoder_layers": 2, "decoder_layers": 3}
    return Stack(TransformerConfig.from_dict(table | settings), name)


def test_a_plain_decoder_is_told_nothing() -> None:
    options = stack("decoder").layer_options(0, 4, mask=None, like=X)
    assert options == [{"mask": None, "bias": None, "rotation": None}] * 3


def test_windows_repeat_over_the_decoders_layers() -> None:
    windows = {"attention": {"windows": [2, 0]}}
    mask = torch.ones(2, 1, 1, 4, dtype=torch.bool)
    first, second, third = stack("decoder", **windows).layer_options(0, 4, mask=mask, like=X)
    assert second["mask"] is mask
    assert first["mask"] is third["mask"]
    assert first["mask"].shape == (2, 1, 4, 4)
    assert first["mask"][0, 0, 3].tolist() == [False, False, True, True]
    (options, *_) = stack("decoder", **windows).layer_options(6, 1, mask=None, like=X)
    assert options["mask"].tolist() == [[False] * 5 + [True] * 2]
    assert [each["mask"] for each in stack("encoder", **windows).layer_options(
        0, 4, mask=mask, like=X
    )] == [mask, mask]  # fmt: skip


def test_layers_with_a_window_turn_by_their_own_base() -> None:
    parts = {"attention": {"windows": [2, 0]}, "rotary": {"local_base": 10.0}}
    local, whole, again = stack("decoder", positions="rotary", num_heads=2, **parts).layer_options(
        3, 4, mask=None, like=X
    )
    assert local["rotation"] is again["rotation"]
    angles = 3.0 * torch.tensor([1.0, 10.0**-0.5], dtype=torch.float64)
    torch.testing.assert_close(local["rotation"].sine[0], angles.sin())
    angles[1] = 3.0 * 10000.0**-0.5
    torch.testing.assert_close(whole["rotation"].sine[0], angles.sin())
    assert whole["rotation"].cosine.shape == (4, 2)


def test_sizes_are_those_of_the_stack() -> None:
    sizes = {"decoder": {"num_heads": 2, "feed_forward_dim": 5}, "positions": "alibi"}
    decoder, encoder = stack("decoder", **sizes), stack("encoder", **sizes)
    assert decoder.layers[0].feed_forward.up.out_features == 5
    assert encoder.layers[0].feed_forward.up.out_features == 1024
    bias = decoder.layer_options(2, 2, mask=None, like=X)[0]["bias"]
    assert bias.shape == (2, 2, 4)
    assert encoder.layer_options(0, 4, mask=None, like=X)[0]["bias"].shape == (4, 4, 4)


def test_the_last_norm_stands_behind_norms_before() -> None:
    for place, count in (("before", 1), ("both", 1), ("after", 0)):
        made = stack("encoder", norm_place=place, norm="rms")
        assert len(list(made.norm.parameters())) == count, place
