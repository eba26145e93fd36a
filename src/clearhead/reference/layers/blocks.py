"""One layer of an encoder and one of a decoder.

With norms after, as in Vaswani et al. 2017:    x = norm(x + sublayer(x))
With norms before, as in Xiong et al. 2020:     x = x + sublayer(norm(x))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ...config import TransformerConfig
from ...shapes import Array, Float, Shaped
from ..positions import Rotation
from ..products import PLAIN, Products
from ..tracing.steps import layers as steps
from ..tracing.trace import OFF
from ..tracing.watcher import Watcher
from .feed_forward import FeedForward
from .linear import JointLinear, Linear, WeightAndBias, weight_and_bias
from .multi_head import Memory, MultiHeadAttention, Past
from .norms import Norm

_LAST_STEP = {
    "self_attention": "projected",
    "cross_attention": "projected",
    "feed_forward": "output",
}


class _Block:
    """The parts of both kinds of layer: self-attention, feed-forward, residual sums and norms."""

    def __init__(
        self,
        weights: Mapping[str, Array],
        path: str,
        config: TransformerConfig,
        *,
        products: Products = PLAIN,
    ) -> None:
        self.norm_before = config.norm_place == "before"
        self._weights, self._path, self._config = weights, path, config
        self._products = products
        self.self_attention = self._attention("self_attention", cross=False)
        self.self_attention_norm = self._norm("self_attention_norm")
        self.feed_forward = self._feed_forward()
        self.feed_forward_norm = self._norm("feed_forward_norm")

    def _attention(self, name: str, *, cross: bool) -> MultiHeadAttention:
        return MultiHeadAttention(
            self._weights,
            f"{self._path}.{name}",
            num_heads=self._config.num_heads,
            num_kv_heads=self._config.key_value_heads,
            cross=cross,
            products=self._products,
        )

    def _norm(self, name: str) -> Norm:
        return Norm(self._config, *weight_and_bias(self._weights, f"{self._path}.{name}"))

    def _feed_forward(self) -> FeedForward:
        def layer(name: str) -> WeightAndBias:
            return weight_and_bias(self._weights, f"{self._path}.feed_forward.{name}")

        names = ["gate", "up"] if self._config.gated else ["up"]
        up = JointLinear([layer(name) for name in names], products=self._products)
        down = Linear(*layer("down"), products=self._products)
        return FeedForward(self._config.activation, up, down)

    def _residual(
        self,
        name: str,
        norm: Norm,
        sublayer: Callable[..., Array],
        x: Float[Array, "batch length d_model"],
        of: str,
        *arguments: Any,
        trace: Watcher,
        **options: Any,
    ) -> tuple[Float[Array, "batch length d_model"], str]:
        """Apply a sublayer, its residual sum and its norm, in the order of the config.

        Args:
            name: of the sublayer.
            norm: of the sublayer.
            sublayer: takes x and ``arguments``.
            x: what is added to the sublayer's output.
            of: the name of the step that ``x`` is.
            arguments, options: of the sublayer.
            trace: records every step.

        Returns:
            the output, and the name of the step that it is.
        """
        inner, inner_of, norm_trace = x, of, trace.at(f"{name}_norm")
        if self.norm_before:
            inner, inner_of = norm(x, trace=norm_trace, of=(of,)), f"{name}_norm.output"
        y = sublayer(inner, *arguments, trace=trace.at(name), of=(inner_of,), **options)
        sources = (of, f"{name}.{_LAST_STEP[name]}")
        x = trace.record(steps.RESIDUAL[name], x + y, of=sources)
        if self.norm_before:
            return x, f"{name}_residual"
        return norm(x, trace=norm_trace, of=(f"{name}_residual",)), f"{name}_norm.output"

    def _feed(
        self, x: Float[Array, "batch length d_model"], of: str, trace: Watcher
    ) -> Float[Array, "batch length d_model"]:
        norm, layer = self.feed_forward_norm, self.feed_forward
        return self._residual("feed_forward", norm, layer, x, of, trace=trace)[0]


class EncoderBlock(_Block):
    """Self-attention, then feed-forward.

    Args:
        weights: of the whole model.
        path: of this layer, such as ``encoder.layers.0``.
        config: of the model.
        products: how matrices are multiplied.
    """

    def __call__(
        self,
        x: Float[Array, "batch source_len d_model"],
        *,
        mask: Shaped[Array, "... #source_len #source_len"] | None = None,
        rotation: Rotation | None = None,
        trace: Watcher = OFF,
    ) -> Float[Array, "batch source_len d_model"]:
        """Apply the layer; ``mask`` is that of `attention`."""
        x = trace.record(steps.INPUT, x)
        x, of = self._residual(
            "self_attention",
            self.self_attention_norm,
            self.self_attention.self_attention,
            x,
            "input",
            mask=mask,
            rotation=rotation,
            trace=trace,
        )
        return self._feed(x, of, trace)


class DecoderBlock(_Block):
    """Causal self-attention, cross-attention where there is an encoder, then feed-forward.

    Args:
        weights: of the whole model.
        path: of this layer, such as ``decoder.layers.0``.
        config: of the model; with encoder layers, there is cross-attention.
        products: how matrices are multiplied.
    """

    def __init__(
        self,
        weights: Mapping[str, Array],
        path: str,
        config: TransformerConfig,
        *,
        products: Products = PLAIN,
    ) -> None:
        super().__init__(weights, path, config, products=products)
        self.cross_attention: MultiHeadAttention | None = None
        if config.encoder_layers:
            self.cross_attention = self._attention("cross_attention", cross=True)
            self.cross_attention_norm = self._norm("cross_attention_norm")

    def __call__(
        self,
        x: Float[Array, "batch target_len d_model"],
        memory: Memory | None = None,
        *,
        mask: Shaped[Array, "... #target_len #key_len"] | None = None,
        rotation: Rotation | None = None,
        past: Past | None = None,
        trace: Watcher = OFF,
    ) -> Float[Array, "batch target_len d_model"]:
        """Apply the layer.

        Args:
            x: the previous layer's output; with ``past``, of the new positions alone.
            memory: what `MultiHeadAttention.memory` made of the encoder's output; None without
                cross-attention.
            mask: beside causality, as in `attention`.
            rotation: of the positions of ``x``.
            past: this layer's keys and values of earlier positions.
            trace: records every step.
        """
        x = trace.record(steps.INPUT, x)
        x, of = self._residual(
            "self_attention",
            self.self_attention_norm,
            self.self_attention.self_attention,
            x,
            "input",
            causal=True,
            mask=mask,
            rotation=rotation,
            past=past,
            trace=trace,
        )
        if self.cross_attention is not None:
            x, of = self._residual(
                "cross_attention",
                self.cross_attention_norm,
                self.cross_attention.cross_attention,
                x,
                of,
                memory,
                trace=trace,
            )
        return self._feed(x, of, trace)
