"""The parts of a translation model that hold attention: where they are, and how large."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypeAliasType

from ...config import TransformerConfig
from ...errors import ConfigError
from ...translation.attention_paths import PARTS

Part = TypeAliasType("Part", Literal["encoder", "decoder", "cross"])


def layers_of(part: str, config: TransformerConfig) -> int:
    """Return how many layers of attention a part has."""
    return config.encoder_layers if part == "encoder" else config.decoder_layers


def attention_path(part: str, layer: int) -> str:
    """Return the path of a layer's attention, such as ``decoder.layers.1.cross_attention``."""
    return PARTS[part].format(layer=layer)


def check_head(part: str, layer: int, head: int, config: TransformerConfig) -> None:
    """Check that the model has a head.

    Raises:
        ConfigError: there is no such head; the message says how many there are.
    """
    for name, number, count, owner in (
        ("layer", layer, layers_of(part, config), f"The {part} attention has"),
        ("head", head, config.num_heads, "Each layer has"),
    ):
        if not 0 <= number < count:
            raise ConfigError(
                f"{owner} {count} {name}{'s' * (count != 1)}, so {name} must be between 0 and "
                f"{count - 1}; it is {number}."
            )
