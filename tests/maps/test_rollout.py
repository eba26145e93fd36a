"""Rollout from chosen positions against the product of whole matrices, in float64."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from clearhead.errors import ConfigError, ShapeError
from clearhead.maps.attention_map import AttentionMap
from clearhead.maps.rollout import flow_to, rollout
from clearhead.maps.storage import tile_plan


def weights_of(query, key, *, visible=None, sinks=None):
    """softmax(Q K^T / sqrt(d)) over what is visible, the plain way."""
    group = query.shape[1] // key.shape[1]
    scores = query @ key.repeat_interleave(group, 1).mT / query.shape[-1] ** 0.5
    if visible is not None:
        scores = scores.masked_fill(~visible, -torch.inf)
    if sinks is not None:
        column = sinks[None, :, None, None].expand(*scores.shape[:-1], 1)
        return torch.cat([scores, column], -1).softmax(-1)[..., :-1]
    return scores.softmax(-1).nan_to_num(0.0)


def dense_rollout(weights, residual, heads=None):
    """R = A_L ... A_1 of Abnar and Zuidema 2020, with every L x L matrix in memory."""
    product = torch.eye(weights[0].shape[-1], dtype=torch.float64)
    for layer in weights:
        selection = layer if heads is None else layer[:, heads]
        identity = torch.eye(layer.shape[-1], dtype=torch.float64)
        step = residual * identity + (1 - residual) * selection.mean(1)
        total = step.sum(-1, keepdim=True)
        step = torch.where(total > 0, step / total.clamp_min(1e-300), identity)
        product = step @ product
    return product


@dataclass
class Stack:
    maps: list[AttentionMap]
    weights: list[torch.Tensor]


def make_stack(layers=3, batch=2, heads=4, kv_heads=2, length=9, mask="none", sinks=False, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    visible = {
        "none": None,
        "causal": torch.ones(length, length, dtype=torch.bool).tril(),
        "padding": (torch.arange(length) < max(length - 2, 1)).expand(length, length),
        "random": torch.rand(batch, 1, length, length, generator=generator) < 0.4,
    }[mask]
    stack = Stack([], [])
    for _ in range(layers):
        query, key = 2 * draw(batch, heads, length, 8), draw(batch, kv_heads, length, 8)
        logits = draw(heads) if sinks else None
        stack.maps.append(AttentionMap.of(query, key, mask=visible, sinks=logits))
        stack.weights.append(weights_of(query, key, visible=visible, sinks=logits))
    return stack


@given(
    layers=st.integers(1, 4),
    batch=st.integers(1, 2),
    group=st.integers(1, 2),
    length=st.integers(1, 12),
    mask=st.sampled_from(["none", "causal", "padding", "random"]),
    sinks=st.booleans(),
    residual=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    seed=st.integers(0, 2**16),
)
def test_rows_and_columns_are_those_of_the_dense_product(
    layers, batch, group, length, mask, sinks, residual, seed
):
    stack = make_stack(layers, batch, 2 * group, 2, length, mask, sinks, seed)
    dense = dense_rollout(stack.weights, residual).expand(batch, length, length)
    places = range(length)
    rows = rollout(stack.maps, places, residual=residual)
    columns = flow_to(stack.maps, places, residual=residual)
    torch.testing.assert_close(rows, dense, rtol=0, atol=1e-12)
    torch.testing.assert_close(columns.mT, dense, rtol=0, atol=1e-12)


@pytest.mark.parametrize("mask", ["none", "causal", "random"])
def test_many_tiles_give_the_same_as_one(monkeypatch, mask):
    stack = make_stack(length=50, mask=mask)
    places = range(50)  # so many that no layer takes rows alone
    whole = rollout(stack.maps, places), flow_to(stack.maps, places)
    monkeypatch.setattr(tile_plan, "CPU_TILE", 200)
    tiled = rollout(stack.maps, places), flow_to(stack.maps, places)
    for one, other in zip(whole, tiled, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-13)


def test_few_positions_are_rows_of_many():
    stack = make_stack(length=50, mask="causal", sinks=True)
    every = rollout(stack.maps, range(50), heads=[1, 2])
    few = rollout(stack.maps, [3, 49, 3], heads=[1, 2])
    torch.testing.assert_close(few, every[:, [3, 49, 3]], rtol=0, atol=1e-13)


def test_a_walk_by_hand():
    # One head that looks at the token before with all its weight, and at itself at the start.
    places = torch.eye(3)
    before = places[[0, 0, 1]]
    attention_map = AttentionMap.of(100.0 * before[None, None], places[None, None], scale=1.0)
    actual = rollout([attention_map, attention_map], 2)
    # Half stays at 2, half goes to 1; and again.
    torch.testing.assert_close(actual, torch.tensor([[0.25, 0.5, 0.25]]))
    flow = flow_to([attention_map, attention_map], 1)
    torch.testing.assert_close(flow, torch.tensor([[0.0, 0.25, 0.5]]))


def test_a_query_that_sees_nothing_keeps_itself():
    query = torch.randn(1, 2, 4, 8)
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[2] = False
    attention_map = AttentionMap.of(query, query, mask=mask)
    for residual in (0.0, 0.5):
        actual = rollout([attention_map] * 2, 2, residual=residual)
        assert actual.tolist() == [[0, 0, 1, 0]]


def test_each_row_is_a_share_of_one():
    stack = make_stack(length=33, mask="random", sinks=True)
    actual = rollout(stack.maps, [0, 5, 32])
    torch.testing.assert_close(actual.sum(-1), torch.ones(2, 3, dtype=torch.float64))
    assert (actual >= 0).all()


def test_heads_are_chosen_in_every_layer():
    stack = make_stack(mask="causal")
    dense = dense_rollout(stack.weights, 0.5, heads=[0, 3])
    torch.testing.assert_close(rollout(stack.maps, 8, heads=[0, -1]), dense[:, 8])
    torch.testing.assert_close(flow_to(stack.maps, 1, heads=[0, -1]), dense[..., 1])
    one = dense_rollout(stack.weights, 0.5, heads=[2])
    torch.testing.assert_close(rollout(stack.maps, 8, heads=2), one[:, 8])


def test_each_sequence_may_have_its_own_positions():
    stack = make_stack(length=6)
    dense = dense_rollout(stack.weights, 0.5)
    actual = rollout(stack.maps, torch.tensor([[5], [3]]))
    torch.testing.assert_close(actual[:, 0], torch.stack([dense[0, 5], dense[1, 3]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lower_precisions_are_computed_in_float32(dtype):
    query = torch.randn(1, 4, 40, 16, generator=torch.Generator().manual_seed(1)).to(dtype)
    attention_map = AttentionMap.of(query, query, causal=True)
    exact = query.double()
    weights = weights_of(exact, exact, visible=torch.ones(40, 40).tril().bool())
    actual = rollout([attention_map] * 3, 39)
    assert actual.dtype == torch.float32
    dense = dense_rollout([weights] * 3, 0.5)[:, 39]
    torch.testing.assert_close(actual.double(), dense, rtol=0, atol=2e-6)


def test_memory_is_linear():
    """4,096 tokens; a matrix of one head takes 64 MiB, and tiles a quarter of it at any length."""
    length = 4096
    query = torch.randn(1, 2, length, 8)
    attention_map = AttentionMap.of(query, query, causal=True)
    attention_map.lse  # noqa: B018 - the map keeps it; it is not what is measured here
    peak = peak_bytes(lambda: rollout([attention_map] * 2, -1))
    assert peak < 2 * length * length  # bytes: half of one float32 matrix


def peak_bytes(work):
    """The most that tensors hold at once, beyond what they held before."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as measurement:
        work()
    memory = most = 0
    for event in measurement.profiler.kineto_results.events():
        if event.name() == "[memory]":
            memory += event.nbytes()
            most = max(most, memory)
    return most


def test_peak_bytes_sees_a_tensor():
    assert peak_bytes(lambda: torch.ones(1000, 1000)) >= 4_000_000


# Errors say what was asked, what came and what to do.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"tokens": 9}, "token 9 does not exist: there are 9 positions, 0 to 8"),
        ({"tokens": [0, -10]}, "token -10 does not exist"),
        ({"tokens": []}, "at least one"),
        ({"tokens": 0.5}, "must be positions (integers)"),
        ({"tokens": 0, "heads": 4}, "head 4 does not exist: this layer has 4 heads, 0 to 3"),
        ({"tokens": 0, "heads": []}, "no head was chosen"),
        ({"tokens": 0, "residual": 1.5}, "the share of the residual connection, 0 to 1, not 1.5"),
    ],
)
@pytest.mark.parametrize("ask", [rollout, flow_to])
def test_what_does_not_exist(ask, arguments, words):
    with pytest.raises(ConfigError) as error:
        ask(make_stack(1).maps, **arguments)
    assert words in str(error.value)


def test_maps_that_do_not_fit():
    square, longer = make_stack(1).maps[0], make_stack(1, length=10).maps[0]
    with pytest.raises(ShapeError, match="at least one layer; none came"):
        rollout([], 0)
    with pytest.raises(
        ShapeError, match="layer 0 has batch 2 and length 9, layer 1 has batch 2 and"
    ):
        rollout([square, longer], 0)
    cross = AttentionMap.of(torch.randn(2, 4, 9, 8), torch.randn(2, 4, 5, 8))
    with pytest.raises(ShapeError, match="layer 1 has 9 queries and 5 keys"):
        flow_to([square, cross], 0)
    with pytest.raises(ShapeError, match=r"\[batch, n\] with batch 2; a tensor of shape \[3, 1\]"):
        rollout([square], torch.zeros(3, 1, dtype=torch.int64))


# Recordings


class Recorded(dict):
    """What a rollout asks of a recording: names and the maps of all calls."""

    def calls(self, name):
        return self[name]

    def __getitem__(self, layer):
        name, call = layer if isinstance(layer, tuple) else (layer, None)
        return super().__getitem__(name) if call is None else super().__getitem__(name)[call]


def test_a_module_called_for_every_layer_is_a_stack():
    stack = make_stack(3)
    shared = Recorded({"encoder.layer": stack.maps})
    torch.testing.assert_close(rollout(shared, 4), rollout(stack.maps, 4))


def test_one_of_two_passes_is_a_stack():
    stack = make_stack(4)
    twice = Recorded({"layers.0": stack.maps[:2], "layers.1": stack.maps[2:]})
    selection = [("layers.0", 1), ("layers.1", 1)]
    expected = flow_to([stack.maps[1], stack.maps[3]], 2)
    torch.testing.assert_close(flow_to(twice, 2, layers=selection), expected)
