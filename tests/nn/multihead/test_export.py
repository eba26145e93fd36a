"""Compiled, exported, traced and mapped; scripted it is refused in words."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from clearhead.errors import ConfigError
from clearhead.nn.multihead.layer import MultiheadAttention
from tests.nn.multihead.pairs import BATCH, QUERY_LEN, WIDTH, assert_same, pair, random_inputs

KINDS = ["none", "bool", "float", "padding", "causal"]
SIZES = [(3, 5, 7), (2, 9, 4), (4, 40, 33), (1, 300, 200)]


class Attending(nn.Module):
    """A layer of PyTorch's or ours with all that it is asked fixed."""

    def __init__(self, layer: nn.MultiheadAttention, kind: str, cross: bool, **options: Any):
        super().__init__()
        self.layer, self.kind, self.cross, self.options = layer, kind, cross, options

    def forward(self, query: Tensor, key: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        masks: dict[str, Any] = {}
        if self.kind == "padding":
            masks = {"key_padding_mask": mask}
        elif self.kind != "none":
            masks = {"attn_mask": mask, "is_causal": self.kind == "causal"}
        key = key if self.cross else query
        actual = self.layer(query, key, key, **masks, **self.options)
        return tuple(x for x in actual if x is not None)


def inputs_of(module: Attending, batch: int, query_len: int, key_len: int) -> tuple[Tensor, ...]:
    def draw(length: int) -> Tensor:
        x = torch.randn(batch, length, WIDTH, dtype=torch.float64)
        return x if module.layer.batch_first else x.transpose(0, 1).contiguous()

    keys = key_len if module.cross else query_len
    if module.kind == "padding":
        mask = torch.zeros(batch, keys, dtype=torch.bool)
        mask[0, -1] = True
    elif module.kind == "float":
        mask = torch.randn(query_len, keys, dtype=torch.float64)
    else:
        mask = torch.ones(query_len, keys, dtype=torch.bool).triu(1)
    return draw(query_len), draw(key_len), mask


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_it_exports_with_any_batch_and_lengths(kind: str, need_weights: bool) -> None:
    """The program is the layer for sizes on either side of every threshold."""
    batch, queries, keys = Dim("batch"), Dim("queries"), Dim("keys")
    # Two of the four with weights and the other two without: each export takes a second.
    for batch_first, cross in [(True, need_weights), (False, not need_weights)]:
        if kind == "causal" and cross:
            continue
        _, ours = pair(batch_first=batch_first)
        module = Attending(ours, kind, cross, need_weights=need_weights)

        def sizes(length: Any, first: bool = batch_first) -> dict[int, Any]:
            return {0: batch, 1: length} if first else {0: length, 1: batch}

        of_mask = {0: batch if kind == "padding" else queries, 1: keys if cross else queries}
        program = torch.export.export(
            module,
            inputs_of(module, *SIZES[0]),
            dynamic_shapes=(sizes(queries), sizes(keys), of_mask),
        ).module()
        for size in SIZES:
            inputs = inputs_of(module, *size)
            assert_same(program(*inputs), module(*inputs), 1e-10)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore:`torch.jit.trace")
@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("kind", ["none", "padding", "causal"])
def test_it_is_traced_with_other_lengths(kind: str, training: bool, average: bool) -> None:
    _, ours = pair(batch_first=True)
    module = Attending(ours.train(training), kind, False, average_attn_weights=average)
    with torch.no_grad():
        traced = torch.jit.trace(module, inputs_of(module, *SIZES[0]), check_trace=False)
        for size in SIZES[:3]:
            inputs = inputs_of(module, *size)
            assert_same(traced(*inputs), module(*inputs))


@pytest.mark.filterwarnings("ignore:`torch.jit.script")
@pytest.mark.parametrize("place", ["alone", "within", "encoder layer"])
def test_scripting_is_refused_in_words(place: str) -> None:
    """What can be said before PyTorch's compiler fails on a line that is not the user's."""
    layer = MultiheadAttention(12, 2, batch_first=True)
    module: nn.Module = layer
    if place == "within":
        module = nn.Sequential(nn.Linear(12, 12), Attending(layer, "none", False))
    elif place == "encoder layer":
        module = nn.TransformerEncoderLayer(12, 2, batch_first=True)
        module.self_attn = layer
    with pytest.raises(ConfigError, match=r"torch\.jit\.script.*Use torch\.compile, torch\.export"):
        torch.jit.script(module)
    # The way out that the message names.
    plain = nn.MultiheadAttention(12, 2, batch_first=True)
    plain.load_state_dict(layer.state_dict())
    x = torch.randn(2, 5, 12)
    assert_same(torch.jit.script(plain)(x, x, x), layer(x, x, x), 1e-6)


@pytest.mark.parametrize("need_weights", [True, False])
def test_it_compiles_without_a_break(need_weights: bool) -> None:
    _, ours = pair(batch_first=True)
    query, _, _ = random_inputs(ours)
    padding = torch.zeros(BATCH, QUERY_LEN, dtype=torch.bool)
    padding[1] = True

    def call(x: Tensor, hidden: Tensor) -> Any:
        return ours(x, x, x, key_padding_mask=hidden, need_weights=need_weights)

    compiled = torch.compile(call, fullgraph=True, backend="aot_eager")
    assert_same(compiled(query, padding), call(query, padding))


def test_it_runs_under_vmap() -> None:
    _, ours = pair()
    x = torch.randn(3, QUERY_LEN, WIDTH, dtype=torch.float64)
    mapped = torch.func.vmap(lambda one: ours(one, one, one)[1])(x)
    assert_same(mapped, torch.stack([ours(one, one, one)[1] for one in x]))
