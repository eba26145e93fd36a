"""Positions at values that can be worked out by hand, and the properties that name them."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.config import TransformerConfig
from clearhead.config_parts import RotaryConfig
from clearhead.nn.positions import (
    ScoreBias,
    alibi_slopes,
    relative_buckets,
    rotary_rates,
    rotary_rotation,
    rotate,
    sinusoidal_positions,
)


def test_sinusoidal_columns_interleave() -> None:
    table = sinusoidal_positions(3, 4, dtype=torch.float64)
    assert table[0].tolist() == [0.0, 1.0, 0.0, 1.0]
    expected = [math.sin(2), math.cos(2), math.sin(0.02), math.cos(0.02)]
    assert table[2].tolist() == pytest.approx(expected)
    assert sinusoidal_positions(3, 4).dtype == torch.float32


def test_a_shift_of_sinusoidal_positions_is_a_rotation() -> None:
    """Vaswani et al. 2017, 3.5: the product of two positions depends on their distance alone."""
    table = sinusoidal_positions(40, 16, dtype=torch.float64)
    products = table @ table.T
    for distance in (1, 7):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along))


@pytest.mark.parametrize("layout", ["halves", "halves_to_end"])
def test_sinusoidal_halves(layout: str) -> None:
    table = sinusoidal_positions(3, 6, layout=layout, dtype=torch.float64)
    last = {"halves": 3, "halves_to_end": 2}[layout]
    rates = [10000 ** (-i / last) for i in range(3)]
    expected = [math.sin(2 * r) for r in rates] + [math.cos(2 * r) for r in rates]
    assert table[2].tolist() == pytest.approx(expected)
    assert sinusoidal_positions(3, 2, layout=layout)[0].tolist() == [0.0, 1.0]


def rotary_config(head_dim: int, rotary_base: float = 10000.0, **rotary: Any) -> TransformerConfig:
    return TransformerConfig(
        vocab_size=9, d_model=head_dim, num_heads=1, positions="rotary", rotary_base=rotary_base,
        rotary=RotaryConfig(**rotary),
    )  # fmt: skip


def test_a_part_of_a_head_is_rotated() -> None:
    x = torch.randn(1, 2, 3, 10, dtype=torch.float64)
    rates = rotary_rates(rotary_config(10, dim=4))
    rotated = rotate(x, rotary_rotation(torch.arange(3), rates))
    assert torch.equal(rotated[..., 4:], x[..., 4:])
    whole = rotary_rotation(torch.arange(3), rotary_rates(rotary_config(4)))
    assert torch.equal(rotated[..., :4], rotate(x[..., :4], whole))


def test_rates_of_layers_with_a_window() -> None:
    config = rotary_config(4, 100.0, local_base=25.0, scaling="linear", factor=8.0)
    assert rotary_rates(config).tolist() == pytest.approx([1 / 8, 0.1 / 8])
    assert rotary_rates(config, local=True).tolist() == pytest.approx([1.0, 0.2])
    config = rotary_config(4, 100.0, scaling="linear", factor=8.0)
    assert rotary_rates(config, local=True).tolist() == pytest.approx([1 / 8, 0.1 / 8])


def test_scaling_by_wavelength_is_that_of_llama_3() -> None:
    """transformers computes it; here with numbers that put rates on all three sides."""
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    settings = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "factor": 8.0}
    theirs = llama.LlamaConfig(
        hidden_size=64, num_attention_heads=1, max_position_embeddings=1024,
        rope_parameters={
            "rope_type": "llama3", "rope_theta": 500000.0,
            "original_max_position_embeddings": 512, **settings,
        },
    )  # fmt: skip
    config = rotary_config(
        64, 500000.0, scaling="llama3", factor=8.0, low_frequency_factor=1.0,
        high_frequency_factor=4.0, original_length=512,
    )  # fmt: skip
    rates = rotary_rates(config)
    expected = llama.LlamaRotaryEmbedding(theirs).inv_freq.double()
    torch.testing.assert_close(rates, expected, rtol=1e-6, atol=0)
    plain = rotary_rates(rotary_config(64, 500000.0))
    assert {1.0, 8.0} < {round(float(r), 3) for r in plain / rates}


def test_rotary_turns_pairs_of_the_two_halves() -> None:
    x = torch.tensor([1.0, 10.0, 2.0, 20.0], dtype=torch.float64).expand(1, 1, 3, 4)
    rates = rotary_rates(rotary_config(4, rotary_base=100.0))
    assert rates.tolist() == pytest.approx([1.0, 0.1])
    rotated = rotate(x, rotary_rotation(torch.arange(3), rates))[0, 0]
    assert rotated[0].tolist() == [1.0, 10.0, 2.0, 20.0]
    expected = [
        math.cos(2) - 2 * math.sin(2),
        10 * math.cos(0.2) - 20 * math.sin(0.2),
        2 * math.cos(2) + math.sin(2),
        20 * math.cos(0.2) + 10 * math.sin(0.2),
    ]
    assert rotated[2].tolist() == pytest.approx(expected)


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_rotary_scores_depend_on_the_distance(first: int, second: int, shift: int) -> None:
    generator = torch.Generator().manual_seed(1)
    query, key = torch.randn(2, 1, 1, 1, 6, generator=generator, dtype=torch.float64)
    rates = rotary_rates(rotary_config(6))

    def score(i: int, j: int) -> torch.Tensor:
        rotated = [
            rotate(x, rotary_rotation(torch.tensor([place]), rates))
            for x, place in ((query, i), (key, j))
        ]
        return (rotated[0] * rotated[1]).sum()

    torch.testing.assert_close(score(first, second), score(first + shift, second + shift))


@pytest.mark.parametrize(
    ("heads", "slopes"),
    [
        (1, [2**-8]),
        (4, [2**-2, 2**-4, 2**-6, 2**-8]),
        (8, [2.0**-i for i in range(1, 9)]),
        (6, [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3]),
    ],
)
def test_alibi_slopes(heads: int, slopes: list[float]) -> None:
    assert alibi_slopes(heads).tolist() == pytest.approx(slopes)


@pytest.mark.parametrize(
    ("bidirectional", "distance", "bucket"),
    [
        (False, 0, 0),
        (False, 5, 0),  # later keys, which causality hides anyway
        (False, -1, 1),
        (False, -15, 15),
        (False, -16, 16),
        (False, -127, 31),
        (False, -9999, 31),
        (True, 0, 0),
        (True, -7, 7),
        (True, -8, 8),
        (True, 1, 17),
        (True, 9999, 31),
        (True, -9999, 15),
    ],
)
def test_relative_buckets(bidirectional: bool, distance: int, bucket: int) -> None:
    actual = relative_buckets(
        torch.tensor([distance]), bidirectional=bidirectional, num_buckets=32, max_distance=128
    )
    assert actual.tolist() == [bucket]


def config(positions: str) -> TransformerConfig:
    return TransformerConfig(vocab_size=9, d_model=8, num_heads=4, positions=positions)


@pytest.mark.parametrize("positions", ["alibi", "relative"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_bias_of_the_last_queries_is_the_end_of_the_whole(
    positions: str, bidirectional: bool
) -> None:
    made = ScoreBias(config(positions), bidirectional=bidirectional)
    if made.weight is not None:
        torch.nn.init.normal_(made.weight)
    whole = made(6, 6, torch.float64)
    assert whole.shape == (4, 6, 6)
    assert torch.equal(made(2, 6, torch.float64), whole[:, 4:])
    for distance in range(-5, 6):  # the same along each diagonal
        along = whole.diagonal(distance, 1, 2)
        assert torch.equal(along, along[:, :1].expand_as(along))


def test_alibi_is_minus_the_slope_times_the_distance() -> None:
    bias = ScoreBias(config("alibi"), bidirectional=True)(3, 3, torch.float64)
    assert bias[0].tolist() == [[0.0, -0.25, -0.5], [-0.25, 0.0, -0.25], [-0.5, -0.25, 0.0]]
    assert list(ScoreBias(config("alibi"), bidirectional=True).parameters()) == []
