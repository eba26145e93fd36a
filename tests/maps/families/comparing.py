"""Recorded maps beside a model's own eager `output_attentions`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from clearhead.maps.recorder.record import record

TOLERANCE = 2e-5  # of weights, between a fused kernel's layers and eager ones below the map


def lively(model: nn.Module, seed: int = 0, gain: float = 1.5) -> nn.Module:
    """Random weights under which attention is far from even, so that mistakes are seen."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                std = gain / parameter[0].numel() ** 0.5
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * std)
            else:
                parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return model.eval()


def tensors(output: Any) -> Iterator[Tensor]:
    """All tensors of a model's output, cached keys among them."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping):
        for value in output.values():
            yield from tensors(value)
    elif isinstance(output, tuple | list):
        for value in output:
            yield from tensors(value)
    elif hasattr(output, "layers"):  # a transformers cache
        for layer in output.layers:
            yield from tensors((layer.keys, layer.values))


def assert_same_bits(one: Any, other: Any) -> None:
    first, second = list(tensors(one)), list(tensors(other))
    assert len(first) == len(second) > 0
    for a, b in zip(first, second, strict=True):
        assert a.dtype == b.dtype
        assert torch.equal(a, b)


def recorded(model: nn.Module, inputs: Mapping[str, Any], **settings: Any) -> Any:
    """A recording of one call, whose outputs are checked to be those of a call without one."""
    with torch.no_grad():
        plain = model(**inputs)
        with record(model, **settings) as recording:
            recorded_output = model(**inputs)
    assert_same_bits(plain, recorded_output)
    return recording


def own_attentions(model: nn.Module, inputs: Mapping[str, Any]) -> Any:
    """The model's output under eager attention, with all weights."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    with torch.no_grad():
        output = model(**inputs, output_attentions=True)
    model.set_attn_implementation(before)
    return output


def assert_maps(
    recording: Any,
    expected: Mapping[str, tuple[str, Tensor]],
    *,
    rows: Tensor | None = None,
    tolerance: float = TOLERANCE,
) -> None:
    """Names in the order of their calls, kinds, and every weight.

    Args:
        recording: what was recorded.
        expected: kind and weights [batch, heads, query_len, key_len] by module name.
        rows: Bool["batch query_len"], the queries that are compared; None for all. Queries at
            padding that may see nothing are nobody's, and kernels differ in what they make of it.
        tolerance: absolute.
    """
    assert list(recording.keys()) == list(expected)
    for name, (kind, weights) in expected.items():
        attention_map = recording[name]
        assert attention_map.source.kind == kind, name
        assert attention_map.source.module == name
        assert tuple(attention_map.shape) == tuple(weights.shape), name
        dense, truth = attention_map.dense(), weights.float()
        assert bool(torch.isfinite(dense).all()), name
        if rows is not None:
            dense, truth = (x.transpose(1, 2)[rows] for x in (dense, truth))
        torch.testing.assert_close(dense, truth, atol=tolerance, rtol=0, msg=_worst(name))
        # Weights that are nearly even would hide a wrong scale, mask or head.
        assert float(truth.amax(-1).mean()) > 1.2 / truth.shape[-1], name


def _worst(name: str) -> Any:
    return lambda text: f"{name}: {text}"


def self_maps(pattern: str, weights: Sequence[Tensor]) -> dict[str, tuple[str, Tensor]]:
    """What a stack of self-attention layers is expected to give."""
    return {pattern.format(i): ("self", w) for i, w in enumerate(weights)}


def decoder_maps(
    own: str, cross: str, weights: Sequence[Tensor], cross_weights: Sequence[Tensor]
) -> dict[str, tuple[str, Tensor]]:
    """What a decoder is expected to give: in each layer its own attention, then the other."""
    maps: dict[str, tuple[str, Tensor]] = {}
    for i, (to_self, to_encoder) in enumerate(zip(weights, cross_weights, strict=True)):
        maps[own.format(i)] = ("self", to_self)
        maps[cross.format(i)] = ("cross", to_encoder)
    return maps


def ids(*shape: int, vocab: int = 64, seed: int = 1) -> Tensor:
    """Token ids, none of them special."""
    return torch.randint(5, vocab, shape, generator=torch.Generator().manual_seed(seed))


def padding(lengths: Sequence[int], *, on_the_left: bool = False) -> Tensor:
    """Int64["batch length"]: 1 for tokens, 0 for padding."""
    longest = max(lengths)
    mask = torch.arange(longest) < torch.tensor(lengths)[:, None]
    return (mask.flip(1) if on_the_left else mask).long()
