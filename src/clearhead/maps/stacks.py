"""Which maps of a recording are the layers of one stack, in order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from ..errors import ConfigError
from .attention_map import AttentionMap

Layers = str | Sequence[str] | None


def self_attention_stack(
    maps: Mapping[str, AttentionMap], layers: Layers = None
) -> list[AttentionMap]:
    """The self-attention maps of one stack of layers, from the first layer to the last.

    A stack is what has the same name but for its numbers: ``encoder.layers.*.self_attn``.

    Args:
        maps: by module name, in the order of their calls, as a recording holds them.
        layers: None where the model has one stack; a pattern such as ``"*encoder*"``, which must
            leave one stack; or the names themselves, in the order in which they are to be
            gone through, which are taken as they are.

    Raises:
        ConfigError: no map is left, or more than one stack is, and which there are.
    """
    if layers is not None and not isinstance(layers, str):
        return [_named(maps, name) for name in layers]
    found = {
        name: attention_map
        for name, attention_map in maps.items()
        if attention_map.source.kind != "cross" and (layers is None or fnmatchcase(name, layers))
    }
    if not found:
        raise ConfigError(_none_left(maps, layers))
    stacks: dict[str, list[str]] = {}
    for name in found:
        stacks.setdefault(re.sub(r"\d+", "*", name), []).append(name)
    if len(stacks) > 1:
        listed = ", ".join(f"{stack!r} ({len(names)} layers)" for stack, names in stacks.items())
        raise ConfigError(
            f"A rollout goes through one stack of layers, and these are {len(stacks)}: {listed}. "
            f"Choose one with layers={next(iter(stacks))!r}, or give the names in their order."
        )
    return list(found.values())


def _named(maps: Mapping[str, AttentionMap], name: str) -> AttentionMap:
    if name not in maps:
        raise ConfigError(f"There is no map {name!r}. Recorded are: {', '.join(maps) or 'none'}.")
    return maps[name]


def _none_left(maps: Mapping[str, AttentionMap], layers: str | None) -> str:
    recorded = ", ".join(maps) or "none"
    if layers is None:
        return f"A rollout needs self-attention maps; none was recorded. Recorded are: {recorded}."
    return f"No self-attention map's name matches {layers!r}. Recorded are: {recorded}."
