"""The layer of an encoder and the layer of a decoder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from ..config import TransformerConfig
from ..errors import ShapeError
from ..shapes import Bool, Float
from .attention import Attention, KeyValue
from .dropout import Dropout
from .fast.packing import Packing
from .feed_forward import FeedForward
from .norms import make_norm
from .positions import Rotation

# For each norm_place: the suffixes of the norms before a sublayer, after it within the residual
# sum, and after the sum. A norm is named after its sublayer with this suffix.
_NORMS: dict[str, tuple[str | None, str | None, str | None]] = {
    "before": ("norm", None, None),
    "after": (None, None, "norm"),
    "both": ("norm", "output_norm", None),
}


def _same(x: Tensor) -> Tensor:
    return x


class _Block(nn.Module):
    """The common parts of both kinds of layer: self-attention, feed-forward, residuals and norms.

    Args:
        config: of the model, with the sizes of this stack.
        cross: whether the layer has cross-attention.
    """

    self_attention: Attention
    cross_attention: Attention
    feed_forward: FeedForward

    def __init__(self, config: TransformerConfig, *, cross: bool = False) -> None:
        super().__init__()
        self.norms = _NORMS[config.norm_place]
        self.parallel = config.parallel_sublayers
        self.dropout = Dropout(config.dropout)
        self._add("self_attention", Attention(config), config)
        if cross:
            self._add("cross_attention", Attention(config), config)
        self._add("feed_forward", FeedForward(config), config)

    def _add(self, name: str, sublayer: nn.Module, config: TransformerConfig) -> None:
        """Add a sublayer with its norms."""
        self.add_module(name, sublayer)
        for part in filter(None, self.norms):
            self.add_module(f"{name}_{part}", make_norm(config))

    def _residual(
        self,
        name: str,
        x: Float[Tensor, "*rows d_model"],
        sublayer: Callable[[Tensor], Tensor],
        onto: Float[Tensor, "*rows d_model"],
    ) -> Float[Tensor, "*rows d_model"]:
        """Return ``onto`` plus the sublayer's output for x, with the config's norms."""
        before, inside, behind = (
            getattr(self, f"{name}_{part}") if part else _same for part in self.norms
        )
        output: Tensor = behind(onto + self.dropout(inside(sublayer(before(x)))))
        return output

    def _attend_self(
        self, x: Float[Tensor, "*rows d_model"], **options: Any
    ) -> tuple[Float[Tensor, "*rows d_model"], KeyValue]:
        presents: list[KeyValue] = []

        def sublayer(inner: Tensor) -> Tensor:
            output, present = self.self_attention(inner, **options)
            presents.append(present)
            return output

        x = self._residual("self_attention", x, sublayer, x)
        return x, presents[0]

    def _feed(
        self,
        x: Float[Tensor, "*rows d_model"],
        attended: Float[Tensor, "*rows d_model"],
    ) -> Float[Tensor, "*rows d_model"]:
        """Add the feed-forward output for ``attended``, or for x with parallel sublayers."""
        inner = x if self.parallel else attended
        return self._residual("feed_forward", inner, self.feed_forward, attended)


class EncoderBlock(_Block):
    """Self-attention and feed-forward, for [batch, length, d_model] or packed rows."""

    def forward(
        self,
        x: Float[Tensor, "*rows d_model"],
        *,
        mask: Bool[Tensor, "... #length #length"] | None = None,
        bias: Float[Tensor, "heads length length"] | None = None,
        rotation: Rotation | None = None,
        packing: Packing | None = None,
    ) -> Float[Tensor, "*rows d_model"]:
        attended, _ = self._attend_self(x, mask=mask, bias=bias, rotation=rotation, packing=packing)
        return self._feed(x, attended)


class DecoderBlock(_Block):
    """Causal self-attention, cross-attention if there is an encoder, and feed-forward."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config, cross=config.encoder_layers > 0)
        self.has_cross_attention = config.encoder_layers > 0

    def forward(
        self,
        x: Float[Tensor, "*rows d_model"],
        memory: KeyValue | None = None,
        *,
        mask: Bool[Tensor, "... #target_len #key_len"] | None = None,
        memory_mask: Bool[Tensor, "... #target_len #source_len"] | None = None,
        bias: Float[Tensor, "heads target_len key_len"] | None = None,
        rotation: Rotation | None = None,
        past: KeyValue | None = None,
        packing: Packing | None = None,
    ) -> tuple[Float[Tensor, "*rows d_model"], KeyValue]:
        """Return the layer's output, and the keys and values of its self-attention so far.

        Input and output are [batch, target_len, d_model] or packed rows.
        """
        options = {"mask": mask, "bias": bias, "rotation": rotation, "packing": packing}
        attended, present = self._attend_self(x, causal=True, past=past, **options)
        if self.has_cross_attention:
            if memory is None:
                raise ShapeError("This decoder has cross-attention: give it the encoder's memory.")
            attended = self._residual(
                "cross_attention",
                attended,
                lambda inner: self.cross_attention(
                    inner, memory, mask=memory_mask, packing=packing
                ),
                attended,
            )
        return self._feed(x, attended), present
