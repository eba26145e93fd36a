"""The maps of a recording that are the layers of one stack, in order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Any

from ..errors import ConfigError
from .attention_map import AttentionMap
from .storage.collection import calls_of, names_in

Layer = str | tuple[str, int]
Layers = str | Sequence[Layer] | None


def self_attention_stack(maps: Any, layers: Layers = None) -> list[AttentionMap]:
    """Return the self-attention maps of one stack of layers, from the first layer to the last.

    A stack is the modules whose names differ in numbers only: ``encoder.layers.*.self_attn``. A
    module that is called once for every layer, as in ALBERT, is a stack by itself.

    Args:
        maps: a recording, or maps by name; or maps in the order of their layers, which are taken
            as they are.
        layers: None where the model has one stack; a pattern such as ``"*encoder*"``, which must
            leave one stack; or the names in the order in which they are to be gone through, with
            ``(name, call)`` for one of several calls of a module.

    Raises:
        ConfigError: no map matches, or the maps of more than one stack do.
        TraceError: an attention among them could not be read.
    """
    if not hasattr(maps, "keys"):
        return [_with_queries(attention_map) for attention_map in maps]
    if layers is not None and not isinstance(layers, str):
        return [_with_queries(_map_at(maps, layer)) for layer in layers]
    layer_calls = {
        name: calls
        for name in maps.keys()  # noqa: SIM118 - a recording is no dictionary
        if layers is None or fnmatchcase(name, layers)
        if (calls := calls_of(maps, name))[0].source.kind != "cross"
    }
    if not layer_calls:
        raise ConfigError(_no_match(maps, layers))
    stacks: dict[str, list[str]] = {}
    for name in layer_calls:
        stacks.setdefault(re.sub(r"\d+", "*", name), []).append(name)
    if len(stacks) > 1:
        listed = ", ".join(f"{stack!r} ({len(names)} layers)" for stack, names in stacks.items())
        raise ConfigError(
            f"A rollout goes through one stack of layers, and these are {len(stacks)}: {listed}. "
            f"Choose one with layers={next(iter(stacks))!r}, or give the names in their order."
        )
    several = next((name for name, calls in layer_calls.items() if len(calls) > 1), None)
    if several is not None and len(layer_calls) > 1:
        raise ConfigError(
            f"{several!r} was called {len(layer_calls[several])} times, so that more than one pass "
            f"was recorded. Record one pass, or choose with layers=[({several!r}, 0), ...]."
        )
    return [
        _with_queries(attention_map) for calls in layer_calls.values() for attention_map in calls
    ]


def _map_at(maps: Any, layer: Layer) -> Any:
    """Return the map of a name, or of a name and a call."""
    name = layer if isinstance(layer, str) else layer[0]
    if name not in maps:
        raise ConfigError(f"There is no map {name!r}. Recorded are: {names_in(maps)}.")
    return maps[layer]


def _with_queries(attention_map: Any) -> AttentionMap:
    """Return a map if its queries and keys are stored, and refuse a summary."""
    if not isinstance(attention_map, AttentionMap):
        raise ConfigError(
            "A rollout needs queries and keys, and of this recording only summaries were kept: "
            "record without summaries=."
        )
    return attention_map


def _no_match(maps: Any, layers: str | None) -> str:
    """Return the error where no map belongs to any stack."""
    recorded = names_in(maps)
    if layers is None:
        return f"A rollout needs self-attention maps; none was recorded. Recorded are: {recorded}."
    return f"No self-attention map's name matches {layers!r}. Recorded are: {recorded}."
