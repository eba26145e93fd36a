"""The decoder, one position of each row at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...config import TransformerConfig
from ...reference.layers.blocks import DecoderBlock
from ...reference.layers.feed_forward import FeedForward
from ...reference.layers.linear import weight_and_bias
from ...reference.layers.norms import Norm
from ...reference.transformer import Transformer
from ...shapes import Array, Float, Int
from ..cache import KeyValueCache
from ..memories import SharedMemory
from .attention import CrossAttentionStep, Heads, SelfAttentionStep
from .linear import LinearStep, NormStep

Rows = Float[Array, "rows d_model"]


class DecoderStep:
    """Computes one new position of each row with the bits of `Transformer.decode`.

    Args:
        model: one that `is_plain`.
    """

    def __init__(self, model: Transformer) -> None:
        self._model = model
        config = model.config.of_stack("decoder")
        heads = Heads(config.head_dim, config.attention.scale, model.products.multiply, model.dtype)
        self._after = config.norm_place == "after"
        self._layers = [
            self._sublayers(layer, number, heads)
            for number, layer in enumerate(model.decoder_layers)
        ]
        self._norm = None if self._after else self._norm_of(config, "decoder.norm")

    @classmethod
    def of(cls, model: Transformer) -> DecoderStep | None:
        """Return the step of a model, or None if the model is not `is_plain`."""
        return cls(model) if is_plain(model) else None

    def _norm_of(self, config: TransformerConfig, path: str) -> NormStep:
        return NormStep(Norm(config, *weight_and_bias(self._model.weights, path)))

    def _sublayers(
        self, layer: DecoderBlock, number: int, heads: Heads
    ) -> list[tuple[Callable[..., Rows], NormStep]]:
        """Return the self-attention, cross-attention and feed-forward part, each with its norm."""
        cross = layer.cross_attention
        assert cross is not None  # as `is_plain` says
        parts: dict[str, Callable[..., Rows]] = {
            "self_attention": SelfAttentionStep(layer.self_attention, number, heads),
            "cross_attention": CrossAttentionStep(cross, heads),
            "feed_forward": FeedForwardStep(layer.feed_forward),
        }
        config, path = self._model.config, f"decoder.layers.{number}"
        return [
            (part, self._norm_of(config, f"{path}.{name}_norm")) for name, part in parts.items()
        ]

    def __call__(
        self,
        tokens: Int[Array, "rows"],
        memories: Sequence[SharedMemory],
        cache: KeyValueCache,
    ) -> Float[Array, "rows 1 d_model"]:
        """Append one token to each row, and return the hidden states of the last layer.

        Args:
            tokens: ids, one or more.
            memories: what the rows attend to in each layer.
            cache: keys and values of earlier positions, to which those of the new are appended.
        """
        embedded = self._model.embed(tokens[:, None], "target", start=cache.length)
        rows = embedded.reshape(len(tokens), -1)
        for layer, memory in zip(self._layers, memories, strict=True):
            for (sublayer, norm), argument in zip(layer, (cache, memory, None), strict=True):
                if self._after:
                    rows = norm(np.add(rows, sublayer(rows, argument)))
                else:
                    rows = np.add(rows, sublayer(norm(rows), argument))
        cache.advance(1)
        if self._norm is not None:
            rows = self._norm(rows)
        return rows[:, None]


class FeedForwardStep:
    """The feed-forward part of rows.

    Args:
        layer: the part.
    """

    def __init__(self, layer: FeedForward) -> None:
        (joint,) = layer.up.linears
        self._up, self._down = LinearStep(joint), LinearStep(layer.down)
        self._function, self._gated = layer.function, layer.gated
        self._in_place = layer.kind == "relu"

    def __call__(self, rows: Rows, _: None = None) -> Rows:
        """Apply it to each row."""
        up = self._up(rows)
        if self._in_place:
            np.maximum(up, 0, out=up)
        elif self._gated:
            inner = up.shape[1] // 2
            up = self._function(up[:, :inner]) * up[:, inner:]
        else:
            up = self._function(up)
        return self._down(up)


def is_plain(model: Transformer) -> bool:
    """Whether a step supports a model's decoder: that of Vaswani et al. 2017, or one close to it.

    Norms stand before or after; positions are vectors that are added to the embeddings; every
    query head has its own keys and values. Everything else is left to the layers.
    """
    config = model.config.of_stack("decoder")
    attention = config.attention
    return bool(
        type(model) is Transformer  # and no subclass that computes differently
        and config.encoder_layers
        and config.decoder_layers
        and model.products.joint
        and config.norm_place in ("before", "after")
        and not config.parallel_sublayers
        and config.positions in ("sinusoidal", "learned", "none")
        and config.key_value_heads == config.num_heads
        and not attention.head_norm
        and not attention.softcap
        and not any(map(config.window, range(config.decoder_layers)))
        and model.dtype.char != "e"
    )
