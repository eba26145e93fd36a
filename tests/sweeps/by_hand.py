"""The truth of sweeps: eager attention, plain hooks, one run for each edit."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from clearhead.attribution.target import Target
from tests.maps.families.comparing import ids
from tests.maps.families.models import model as family_model

TARGET = Target(9, 12, -2)
HEADS = 4
PROJECTIONS = {
    "gpt2": "transformer.h.{}.attn.c_proj",
    "llama": "model.layers.{}.self_attn.o_proj",
    "t5": "decoder.block.{}.layer.1.EncDecAttention.o",
}
ATTENTIONS = {
    "gpt2": "transformer.h.{}.attn",
    "llama": "model.layers.{}.self_attn",
    "t5": "decoder.block.{}.layer.1.EncDecAttention",
}
BLOCKS = {"gpt2": "transformer.h.{}", "llama": "model.layers.{}", "t5": "decoder.block.{}"}


@cache
def double(family: str, attention: str = "sdpa") -> nn.Module:
    """A model of a family in float64."""
    model = copy.deepcopy(family_model(family)).double()
    if family != "t5" or attention == "eager":
        model.set_attn_implementation(attention)
    return model


def inputs(family: str, seed: int = 1, batch: int = 1) -> dict[str, Tensor]:
    """Token ids; of two texts the second has padding at its end."""
    named = {"input_ids": ids(batch, 7, seed=seed)}
    if batch == 2:
        named["attention_mask"] = torch.ones(2, 7, dtype=torch.long)
        named["attention_mask"][1, 5:] = 0
    if family == "t5":
        named["decoder_input_ids"] = ids(batch, 5, seed=seed + 1)
    return named


Change = Callable[[Tensor], Tensor]


@contextmanager
def hooks(model: nn.Module, before: dict[str, Change], behind: dict[str, Change]) -> Iterator[None]:
    """Change the first input of some modules, and the first output of others."""

    def on_input(change: Change) -> Any:
        return lambda module, args: (change(args[0]), *args[1:])

    def on_output(change: Change) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            if isinstance(output, tuple):
                return (change(output[0]), *output[1:])
            return change(output)

        return hook

    with ExitStack() as stack:
        for name, change in before.items():
            handle = model.get_submodule(name).register_forward_pre_hook(on_input(change))
            stack.callback(handle.remove)
        for name, change in behind.items():
            handle = model.get_submodule(name).register_forward_hook(on_output(change))
            stack.callback(handle.remove)
        yield


def measure(
    model: nn.Module,
    named: dict[str, Tensor],
    before: dict[str, Change] | None = None,
    behind: dict[str, Change] | None = None,
    target: Target = TARGET,
) -> float:
    """The target of a plain run with hooks."""
    with torch.no_grad(), hooks(model, before or {}, behind or {}):
        return float(target(model(**named, use_cache=False)))


def seen(
    model: nn.Module, named: dict[str, Tensor], inputs_of: list[str], outputs_of: list[str]
) -> dict[str, Tensor]:
    """What some modules read or return in a plain run."""
    notes: dict[str, Tensor] = {}

    def note(name: str) -> Change:
        return lambda x: notes.setdefault(name, x)

    before, behind = ({name: note(name) for name in names} for names in (inputs_of, outputs_of))
    measure(model, named, before, behind)
    return notes


def with_head(head: int, values: Tensor | float, heads: int = HEADS) -> Change:
    """Put numbers in place of one head's, in [batch, length, heads * head_dim]."""

    def change(x: Tensor) -> Tensor:
        x = x.clone()
        width = x.shape[-1] // heads
        own = slice(head * width, (head + 1) * width)
        x[..., own] = values[..., own] if isinstance(values, Tensor) else values
        return x

    return change


def with_position(position: int, values: Tensor) -> Change:
    """Put numbers in place of those at one position of [batch, length, width]."""

    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, position] = values[:, position]
        return x

    return change
