"""Batch and heads in one axis or in two, and which of them comes first."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.maps.strangers.judge import (
    MODES,
    Model,
    assert_read,
    assert_read_or_refused,
    fresh,
    recorded,
    unit_values,
)

LENGTH, WIDTH = 6, 8
SIZES = [(2, 4), (4, 4), (3, 2), (1, 4), (4, 1), (2, 2)]
"""Batch and heads."""


class Merged(nn.Module):
    """Projects its input and attends with heads arranged in some way."""

    def __init__(self, heads: int, arrange, attend, *, hint: bool = True, width: int = WIDTH):
        super().__init__()
        self.to_qkv = nn.Linear(heads * width, 3 * heads * width, bias=False)
        self.arrange, self.attend, self.count = arrange, attend, heads
        if hint:
            self.num_heads = heads

    def forward(self, x: Tensor, values: Tensor | None = None) -> Tensor:
        """[batch, length, heads * width] to [batch, heads, length, width of a value]."""
        into, back = self.arrange
        q, k, v = self.to_qkv(x).chunk(3, -1)
        q, k = (into(t, self.count) for t in (q, k))
        v = into(v if values is None else values.transpose(1, 2).flatten(2), self.count)
        return back(self.attend(q, k, v), self.count)


def split(x, heads):
    return x.unflatten(-1, (heads, -1))  # [batch, length, heads, width]


def batch_first_of(x, heads):
    return x.unflatten(0, (-1, heads))


def heads_first_of(x, heads):
    return x.unflatten(0, (heads, -1)).transpose(0, 1)


ARRANGEMENTS = {
    "batch first, reshape": (
        lambda x, heads: split(x, heads).transpose(1, 2).flatten(0, 1),
        batch_first_of,
    ),
    "heads first, reshape": (
        lambda x, heads: split(x, heads).permute(2, 0, 1, 3).flatten(0, 1),
        heads_first_of,
    ),
    "heads first, cat of split": (
        lambda x, heads: torch.cat(x.split(x.shape[-1] // heads, 2), 0),
        heads_first_of,
    ),
    "heads first, cat of chunks of heads": (
        lambda x, heads: torch.cat(torch.chunk(x, heads, dim=-1), dim=0),
        heads_first_of,
    ),
    "heads first, stack of slices": (
        lambda x, heads: torch.stack([split(x, heads)[:, :, i] for i in range(heads)]).flatten(
            0, 1
        ),
        heads_first_of,
    ),
    "batch first, cat of rows": (
        lambda x, heads: torch.cat(list(split(x, heads).transpose(1, 2)), 0),
        batch_first_of,
    ),
    "lengths first": (  # as torch.nn.functional.multi_head_attention_forward
        lambda x, heads: (
            x.transpose(0, 1).contiguous().view(x.shape[1], x.shape[0] * heads, -1).transpose(0, 1)
        ),
        batch_first_of,
    ),
}
"""From [batch, length, heads * width] to [batch * heads, length, width] in some order, and back."""


def heads_then_batch(x, heads):
    return split(x, heads).permute(2, 0, 1, 3)


FOUR_AXES = {
    "[heads, batch]": (heads_then_batch, lambda x, _: x.transpose(0, 1)),
    "[heads, batch], contiguous": (
        lambda x, heads: heads_then_batch(x, heads).contiguous(),
        lambda x, _: x.transpose(0, 1),
    ),
    "[batch, heads]": (lambda x, heads: split(x, heads).transpose(1, 2), lambda x, _: x),
    "[batch, heads], contiguous": (
        lambda x, heads: split(x, heads).transpose(1, 2).contiguous(),
        lambda x, _: x,
    ),
}


def by_bmm(q, k, v):
    return torch.bmm(torch.bmm(q, k.mT).div(WIDTH**0.5).softmax(-1), v)


def by_matmul(q, k, v):
    return (q @ k.mT).mul(0.4).softmax(-1) @ v


def by_einsum(q, k, v):
    scores = torch.einsum("nqd,nkd->nqk", q, k).masked_fill(lower(q, k), -1e9)
    return torch.einsum("nqk,nkd->nqd", scores.softmax(-1), v)


def by_baddbmm(q, k, v):
    empty = q.new_empty(len(q), q.shape[1], k.shape[1])
    return torch.bmm(torch.baddbmm(empty, q, k.mT, beta=0, alpha=0.4).softmax(-1), v)


def by_fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def lower(q, k):
    return torch.ones(q.shape[-2], k.shape[-2]).triu(1).bool()


def model_of(heads, arrange, attend, **options):
    torch.manual_seed(0)
    model = Model(Merged(heads, arrange, attend, **options))
    with torch.no_grad():
        model.attention.to_qkv.weight.mul_(4)
    return model


def truth_of(model, x):
    """Float64, from a copy of the model: what meets unit values, [batch, heads, query, key]."""
    with torch.no_grad():
        double = model.double()
        heads = model.attention.count
        values = unit_values(torch.zeros(len(x), heads, x.shape[1], 1, dtype=torch.float64))
        truth = double(*fresh((x.double(), values)))
        model.float()
    return truth


def input_of(batch, heads):
    generator = torch.Generator().manual_seed(7)
    return torch.randn(batch, LENGTH, heads * WIDTH, generator=generator)


def may_be_refused(arrange: str, sizes: tuple[int, int]) -> bool:
    """Batch first is what nearly all models do, and with one of either there is no order."""
    return arrange not in ("batch first, reshape", "lengths first") and min(sizes) > 1


@pytest.mark.parametrize("attend", [by_bmm, by_einsum, by_baddbmm, by_fused])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("arrange", ARRANGEMENTS)
def test_batch_and_heads_in_one_axis(arrange, sizes, attend):
    batch, heads = sizes
    model, x = model_of(heads, ARRANGEMENTS[arrange], attend), input_of(batch, heads)
    recording = recorded(model, "no_grad", x)
    if may_be_refused(arrange, sizes):
        assert_read_or_refused(recording, truth_of(model, x))
    else:
        assert_read(recording, truth_of(model, x))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("arrange", ARRANGEMENTS)
def test_in_every_mode_and_without_a_number_of_heads(arrange, mode):
    model, x = model_of(4, ARRANGEMENTS[arrange], by_bmm, hint=False), input_of(2, 4)
    assert_read_or_refused(recorded(model, mode, x), truth_of(model, x))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sizes", [(2, 4), (4, 4), (1, 4)], ids=str)
@pytest.mark.parametrize("attend", [by_matmul, by_fused])
@pytest.mark.parametrize("arrange", FOUR_AXES)
def test_batch_and_heads_in_two_axes(arrange, attend, sizes, mode):
    batch, heads = sizes
    if arrange == "[heads, batch], contiguous" and batch == heads:
        pytest.skip("nothing that a recorder sees tells these from [batch, heads]")
    model, x = model_of(heads, FOUR_AXES[arrange], attend), input_of(batch, heads)
    recording = recorded(model, mode, x)
    if arrange.startswith("[batch"):
        assert_read(recording, truth_of(model, x))
    else:
        assert_read_or_refused(recording, truth_of(model, x))


@pytest.mark.parametrize("mode", MODES)
def test_a_loop_over_heads_has_a_map_for_each(mode):
    def loop(q, k, v):
        heads = [by_matmul(q[:, i], k[:, i], v[:, i]) for i in range(q.shape[1])]
        return torch.stack(heads, 1)

    model, x = model_of(4, FOUR_AXES["[batch, heads]"], loop), input_of(2, 4)
    recording, truth = recorded(model, mode, x), truth_of(model, x)
    assert not recording.refusals
    maps = recording.calls("attention")
    assert [one.shape for one in maps] == [(2, 1, LENGTH, LENGTH)] * 4
    for i, one in enumerate(maps):
        torch.testing.assert_close(one.dense().double(), truth[:, i : i + 1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_a_loop_over_the_batch_is_never_wrong(mode):
    def loop(q, k, v):
        return torch.stack([by_matmul(*row) for row in zip(q, k, v, strict=True)])

    model, x = model_of(4, FOUR_AXES["[batch, heads]"], loop), input_of(2, 4)
    recording, truth = recorded(model, mode, x), truth_of(model, x)
    assert "attention" in recording
    if not recording.refusals:
        for one, row in zip(recording.calls("attention"), truth, strict=True):
            assert one.shape == (1, 4, LENGTH, LENGTH)
            torch.testing.assert_close(one.dense()[0].double(), row, rtol=0, atol=1e-5)
