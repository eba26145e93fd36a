"""The layers of an encoder or decoder, their final norm, and the layers' position arguments."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..config import TransformerConfig
from ..shapes import Bool, Float
from .attention import combine, window_mask
from .blocks import DecoderBlock, EncoderBlock
from .norms import make_norm
from .positions import Rotation, ScoreBias, rotary_rates, rotary_rotation


class Stack(nn.Module):
    """The layers of an encoder or a decoder.

    Args:
        config: of the model.
        name: ``encoder`` or ``decoder``.
    """

    def __init__(self, config: TransformerConfig, name: str) -> None:
        super().__init__()
        encoder = name == "encoder"
        count = config.encoder_layers if encoder else config.decoder_layers
        self.config = config = config.of_stack(name)
        block = EncoderBlock if encoder else DecoderBlock
        self.layers = nn.ModuleList(block(config) for _ in range(count))
        self.windows = [0 if encoder else config.window(layer) for layer in range(count)]
        self.norm = nn.Identity() if config.norm_place == "after" else make_norm(config)
        if config.positions in ("alibi", "relative"):
            self.relative_bias = ScoreBias(config, bidirectional=encoder)

    def layer_options(
        self,
        start: int,
        length: int,
        *,
        mask: Bool[Tensor, "batch 1 1 key_len"] | None,
        like: Float[Tensor, "*rows d_model"],
    ) -> list[dict[str, Any]]:
        """Return for each layer the mask, bias and rotation of its self-attention.

        Args:
            start, length: of the queries' positions; keys begin at position 0.
            mask: True where a key position may be attended to; None for all.
            like: the first layer's input, for its dtype and device.
        """
        bias = self._bias(length, start + length, like.dtype)
        masks = {
            window: combine(mask, window_mask(length, start + length, window, like.device))
            for window in set(self.windows)
        }
        rotations = {
            local: self._rotation(start, length, like.device, local=local)
            for local in {window > 0 for window in self.windows}
        }
        return [
            {"mask": masks[window], "bias": bias, "rotation": rotations[window > 0]}
            for window in self.windows
        ]

    def _bias(
        self, query_len: int, key_len: int, dtype: torch.dtype
    ) -> Float[Tensor, "heads query_len key_len"] | None:
        """Return the position bias of the scores; None if there is none."""
        if self.config.positions not in ("alibi", "relative"):
            return None
        bias: Tensor = self.relative_bias(query_len, key_len, dtype)
        return bias

    def _rotation(
        self, start: int, length: int, device: torch.device, *, local: bool
    ) -> Rotation | None:
        """Return the rotation of ``length`` positions from ``start`` on; None if not rotary."""
        if self.config.positions != "rotary":
            return None
        positions = torch.arange(start, start + length)
        rotation = rotary_rotation(positions, rotary_rates(self.config, local=local))
        return Rotation(*(part.to(device) for part in rotation))
