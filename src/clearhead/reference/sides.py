"""The sides of a model: what passes between them, and whether a model has those that come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ..config import TransformerConfig
from ..errors import ConfigError
from ..shapes import Array, Bool, Float
from .layers.multi_head import Past


class Encoded(NamedTuple):
    """An encoded source, as the decoder reads it.

    Attributes:
        output: of the encoder's last layer.
        mask: True where a position may be attended; None for all.
    """

    output: Float[Array, "batch source_len d_model"]
    mask: Bool[Array, "batch 1 1 source_len"] | None


class Cache(Protocol):
    """The keys and values of all decoder layers at earlier positions."""

    @property
    def length(self) -> int:
        """The number of positions that all layers have."""
        ...

    @property
    def layers(self) -> Sequence[Past]:
        """The keys and values of each decoder layer."""
        ...

    def advance(self, length: int) -> None:
        """Count ``length`` more positions: all layers have appended theirs."""
        ...


def check_source(
    config: TransformerConfig,
    source_ids: Array | None,
    pixels: Array | None = None,
    token_types: Array | None = None,
) -> None:
    """Check that what an encoder reads comes if and only if there is one: token ids, or images.

    Raises:
        ConfigError: something is missing, or of no use.
    """
    ids, images = ("source_ids", source_ids), ("pixels", pixels)
    (name, value), (other, surplus) = (images, ids) if config.reads_images else (ids, images)
    _check_side("encoder", config.encoder_layers, name, present=value is not None)
    if surplus is not None:
        kind = "images" if config.reads_images else "token ids"
        raise ConfigError(f"This model reads {kind} and takes no {other}.")
    if token_types is not None and source_ids is None:
        raise ConfigError("Token types are of the source's tokens, and there are none.")


def check_target(config: TransformerConfig, target_ids: Array | None) -> None:
    """Check that a target comes if and only if the model has a decoder.

    Raises:
        ConfigError: it is missing, or of no use.
    """
    _check_side("decoder", config.decoder_layers, "target_ids", present=target_ids is not None)


def _check_side(stack: str, layers: int, name: str, *, present: bool) -> None:
    if present != bool(layers):
        verb = "needs" if layers else "takes no"
        raise ConfigError(f"This model has {layers} {stack} layers and {verb} {name}.")


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
