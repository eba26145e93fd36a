"""Whether the sides that a caller gives are those that a model has."""

from __future__ import annotations

from ..config import TransformerConfig
from ..errors import ConfigError


def check_side(config: TransformerConfig, side: str, *, present: bool) -> None:
    """Check that a side comes if and only if the model has the stack that reads it.

    Args:
        config: of the model.
        side: ``source`` or ``target``.
        present: whether its ids came.

    Raises:
        ConfigError: they are missing, or of no use.
    """
    stack = {"source": "encoder", "target": "decoder"}[side]
    layers: int = getattr(config, f"{stack}_layers")
    if present != bool(layers):
        verb = "needs" if layers else "takes no"
        raise ConfigError(f"This model has {layers} {stack} layers and {verb} {side}_ids.")


def check_encoded(config: TransformerConfig, *, present: bool) -> None:
    """Check that a decoder gets an encoded source if and only if the model has an encoder.

    Raises:
        ConfigError: it is missing, or of no use.
    """
    if present != bool(config.encoder_layers):
        verb = "needs" if config.encoder_layers else "takes no"
        raise ConfigError(
            f"This model has {config.encoder_layers} encoder layers; its decoder {verb} encoded "
            "source."
        )
