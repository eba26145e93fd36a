"""The parts of a model that hold attention: where they are, and how large."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypeAliasType

from ...config import TransformerConfig
from ...errors import ConfigError
from ...translation.attention_paths import PARTS

Part = TypeAliasType("Part", Literal["encoder", "decoder", "cross"])
Stack = Literal["encoder", "decoder"]


def stack_of(part: str) -> Stack:
    """Return the stack whose layers hold a part's attentions."""
    return "encoder" if part == "encoder" else "decoder"


def parts_of(config: TransformerConfig) -> list[Part]:
    """Return the parts that a model has, in the order of its computation."""
    parts: tuple[Part, ...] = ("encoder", "decoder", "cross")
    return [part for part in parts if layers_of(part, config)]


def layers_of(part: str, config: TransformerConfig) -> int:
    """Return how many layers of attention a part has; 0 for one that the model lacks."""
    if part == "cross" and not config.encoder_layers:
        return 0
    return config.encoder_layers if part == "encoder" else config.decoder_layers


def heads_of(part: str, config: TransformerConfig) -> int:
    """Return how many heads each attention of a part has."""
    return config.of_stack(stack_of(part)).num_heads


def attention_path(part: str, layer: int) -> str:
    """Return the path of a layer's attention, such as ``decoder.layers.1.cross_attention``."""
    return PARTS[part].format(layer=layer)


def check_head(part: str, layer: int, head: int, config: TransformerConfig) -> None:
    """Check that the model has a head.

    Raises:
        ConfigError: there is no such head; the message says how many there are.
    """
    check_part(part, config)
    for name, number, count, owner in (
        ("layer", layer, layers_of(part, config), f"The {part} attention has"),
        ("head", head, heads_of(part, config), "Each layer has"),
    ):
        if not 0 <= number < count:
            raise ConfigError(
                f"{owner} {count} {name}{'s' * (count != 1)}, so {name} must be between 0 and "
                f"{count - 1}; it is {number}."
            )


def check_part(part: str, config: TransformerConfig) -> None:
    """Check that the model has a part.

    Raises:
        ConfigError: it has no such part; the message names those that it has.
    """
    parts = parts_of(config)
    if part not in parts:
        raise ConfigError(f"Of this model, part must be one of {', '.join(parts)}; it is {part!r}.")
