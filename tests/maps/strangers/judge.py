"""Attention as strangers write it, and a judge of what recording shows of it.

The truth is measured, not computed by the library: the output of an attention is linear in its
values, so with unit vectors as values it is the weights that met them, whatever was done to them
on the way. It is taken in float64 and without a recorder. What is recorded is the same function
with ordinary values.

A map is right if it equals what met the values, with the axes [batch, heads, queries, keys]. A
refusal is right if it names the module and says why. Anything else, silence too, is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map_only

from clearhead.maps.recorder.record import record
from clearhead.maps.recording.recording import Recording
from tests.maps.attending import same_bits

TOLERANCE = 1e-5
MODES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "no_grad": torch.no_grad,
    "grad": torch.enable_grad,
    "inference": torch.inference_mode,
}
SHAPES = {
    "batch 2, heads 4": (2, 4, 5, 7, 8),
    "batch 4, heads 4": (4, 4, 6, 6, 8),
    "batch 1, heads 4": (1, 4, 6, 6, 8),
    "batch 3, heads 2": (3, 2, 9, 4, 16),
}
"""Sizes of batch, heads, queries, keys and a head."""
CANNOT_TELL = "could not be told apart"

Form = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Queries, keys and values [batch, heads, length, width] to [batch, heads, queries, width]."""


class Attention(nn.Module):
    """A module that attends by a function of queries, keys and values."""

    def __init__(self, form: Form, heads: int = 0) -> None:
        super().__init__()
        self.form = form
        if heads:
            self.num_heads = heads

    def forward(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return self.form(query, key, value)


class Model(nn.Module):
    """A model with one attention, which has a name in it."""

    def __init__(self, attention: nn.Module) -> None:
        super().__init__()
        self.attention = attention

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.attention(*args, **kwargs)


def factors(shape: tuple[int, int, int, int, int], seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values whose weights are far from even."""
    batch, heads, queries, keys, width = shape
    generator = torch.Generator().manual_seed(seed)
    query = 1.5 * torch.randn(batch, heads, queries, width, generator=generator)
    key, value = torch.randn(2, batch, heads, keys, width, generator=generator)
    return query, key, value


def unit_values(value: Tensor) -> Tensor:
    """For values [..., keys, width] the unit vectors [..., keys, keys]."""
    keys = value.shape[-2]
    return torch.eye(keys, dtype=value.dtype).expand(*value.shape[:-1], keys).clone()


def fresh(values: Any, *, grad: bool = False) -> Any:
    """Copies, so that a model may write to what it is given; no leaves, or it may not.

    What is the same tensor, or lies in the same memory, does so in the copies too.
    """
    memories: dict[int, Tensor] = {}
    copies: dict[int, Tensor] = {}

    def copy(x: Tensor) -> Tensor:
        if id(x) in copies:
            return copies[id(x)]
        memory = x.untyped_storage()
        if memory.data_ptr() not in memories:
            whole = x.detach().as_strided((memory.nbytes() // x.itemsize,), (1,), 0).clone()
            if grad and x.is_floating_point():
                whole = whole.requires_grad_().clone()
            memories[memory.data_ptr()] = whole
        whole = memories[memory.data_ptr()]
        copies[id(x)] = whole.as_strided(x.shape, x.stride(), x.storage_offset())
        return copies[id(x)]

    return tree_map_only(Tensor, copy, values)


def weights_of(form: Form, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """What meets the values, in float64."""
    with torch.no_grad():
        return form(*fresh((query.double(), key.double(), unit_values(value.double()))))


def recorded(model: nn.Module, mode: str, *inputs: Any, **options: Any) -> Recording:
    """A recording of one call, whose result has the same bits as without."""
    with MODES[mode]():
        plain = model(*fresh(inputs, grad=mode == "grad"))
        arguments = fresh(inputs, grad=mode == "grad")
        with record(model, **options) as recording:
            recorded_output = model(*arguments)
    assert same_bits(plain, recorded_output), "recording changed the output"
    return recording


def assert_read(recording: Recording, truth: Tensor, name: str = "attention") -> None:
    """One map, equal to the truth [batch, heads, queries, keys], and nothing refused."""
    refusals = {module: refusal.why for module, refusal in recording.refusals.items()}
    assert not refusals, f"must be read, and was refused: {refusals}"
    assert recording.keys() == [name], f"must be read under {name!r}, got {recording.keys()}"
    one = recording[name]
    if is_unsure_of_axes(one, truth):
        return
    assert one.shape == tuple(truth.shape), f"axes {one.shape}, not {tuple(truth.shape)}"
    assert_equal(one.dense(), truth)


def is_unsure_of_axes(one: Any, truth: Tensor) -> bool:
    """Whether a map says that batch and heads could not be told apart, and is right in an order."""
    batch, heads = truth.shape[:2]
    if not any(CANNOT_TELL in note for note in one.source.notes):
        return False
    if one.shape[0] * one.shape[1] != batch * heads or min(batch, heads) == 1:
        return False
    weights = one.dense().flatten(0, 1)
    orders = truth.flatten(0, 1), truth.transpose(0, 1).flatten(0, 1)
    return min(difference(weights, order) for order in orders) <= TOLERANCE


def assert_refused(recording: Recording, words: str = "", name: str = "attention") -> None:
    """No map, and a reason under the module's name."""
    assert name in recording.refusals, f"silent: {recording!r}"
    why = recording.refusals[name].why
    assert re.search(words, why), f"{why!r} does not say {words!r}"
    assert why in str(recording)


def assert_read_or_refused(
    recording: Recording, truth: Tensor, words: str = "", name: str = "attention"
) -> None:
    """Right, or refused with the reason; never silent and never something else."""
    if recording.refusals:
        assert_refused(recording, words, name)
    else:
        assert_read(recording, truth, name)


def difference(one: Tensor, other: Tensor) -> float:
    """The largest, infinite where only one of them is a number."""
    return float((one.double() - other.double()).abs().nan_to_num(math.inf).max())


def assert_equal(one: Tensor, truth: Tensor, tolerance: float = TOLERANCE) -> None:
    assert difference(one, truth) <= tolerance, f"off by {difference(one, truth):.2g}"


def judge(
    form: Form,
    mode: str,
    shape: str = "batch 2, heads 4",
    *,
    read: bool = True,
    words: str = "",
    **options: Any,
) -> None:
    """Records a form and holds the map against what met the values.

    Args:
        read: whether it must be read; else a refusal is as good.
        words: what a refusal must say.
        options: of `record`.
    """
    query, key, value = factors(SHAPES[shape])
    truth = weights_of(form, query, key, value)
    model = Model(Attention(form, query.shape[1]))
    recording = recorded(model, mode, query, key, value, **options)
    if read:
        assert_read(recording, truth)
    else:
        assert_read_or_refused(recording, truth, words)
