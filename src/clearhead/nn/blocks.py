"""One layer of an encoder and one of a decoder."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from ..config import TransformerConfig
from ..errors import ShapeError
from ..shapes import Bool, Float
from .attention import Attention, KeyValue, Rotation
from .dropout import Dropout
from .feed_forward import FeedForward
from .norms import make_norm


class _Block(nn.Module):
    """The parts of both kinds of layer: self-attention, residuals and norms."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attention = Attention(config)
        self.self_attention_norm = make_norm(config)
        self.norm_before = config.norm_place == "before"
        self.dropout = Dropout(config.dropout)

    def _residual(self, x: Tensor, norm: nn.Module, sublayer: Callable[[Tensor], Tensor]) -> Tensor:
        """Return ``x + sublayer(norm(x))`` or ``norm(x + sublayer(x))``, by the config."""
        if self.norm_before:
            return x + self.dropout(sublayer(norm(x)))
        return norm(x + self.dropout(sublayer(x)))

    def _attend_self(
        self,
        x: Float[Tensor, "batch length d_model"],
        mask: Bool[Tensor, "... #length #key_len"] | None,
        bias: Float[Tensor, "heads length key_len"] | None,
        causal: bool,
        rotation: Rotation | None,
        past: KeyValue | None,
    ) -> tuple[Float[Tensor, "batch length d_model"], KeyValue]:
        presents: list[KeyValue] = []

        def sublayer(inner: Tensor) -> Tensor:
            output, present = self.self_attention.self_attention(
                inner, mask=mask, bias=bias, causal=causal, rotation=rotation, past=past
            )
            presents.append(present)
            return output

        x = self._residual(x, self.self_attention_norm, sublayer)
        return x, presents[0]


class EncoderBlock(_Block):
    """Self-attention and feed-forward."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.feed_forward = FeedForward(config)
        self.feed_forward_norm = make_norm(config)

    def forward(
        self,
        x: Float[Tensor, "batch length d_model"],
        *,
        mask: Bool[Tensor, "... #length #length"] | None = None,
        bias: Float[Tensor, "heads length length"] | None = None,
        rotation: Rotation | None = None,
    ) -> Float[Tensor, "batch length d_model"]:
        x, _ = self._attend_self(x, mask, bias, False, rotation, None)
        return self._residual(x, self.feed_forward_norm, self.feed_forward)


class DecoderBlock(_Block):
    """Causal self-attention, cross-attention where there is an encoder, and feed-forward."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        self.has_cross_attention = config.encoder_layers > 0
        if self.has_cross_attention:
            self.cross_attention = Attention(config)
            self.cross_attention_norm = make_norm(config)
        self.feed_forward = FeedForward(config)
        self.feed_forward_norm = make_norm(config)

    def forward(
        self,
        x: Float[Tensor, "batch target_len d_model"],
        memory: KeyValue | None = None,
        *,
        mask: Bool[Tensor, "... #target_len #key_len"] | None = None,
        memory_mask: Bool[Tensor, "... #target_len #source_len"] | None = None,
        bias: Float[Tensor, "heads target_len key_len"] | None = None,
        rotation: Rotation | None = None,
        past: KeyValue | None = None,
    ) -> tuple[Float[Tensor, "batch target_len d_model"], KeyValue]:
        """Return the layer's output and its self-attention's keys and values so far."""
        x, present = self._attend_self(x, mask, bias, True, rotation, past)
        if self.has_cross_attention:
            if memory is None:
                raise ShapeError("This decoder has cross-attention: give it the encoder's memory.")
            x = self._residual(
                x,
                self.cross_attention_norm,
                lambda inner: self.cross_attention.cross_attention(inner, memory, mask=memory_mask),
            )
        return self._residual(x, self.feed_forward_norm, self.feed_forward), present
