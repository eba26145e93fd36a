"""One layer of an encoder and one of a decoder.

With norms after, as in Vaswani et al. 2017:    x = norm(x + sublayer(x))
With norms before, as in Xiong et al. 2020:     x = x + sublayer(norm(x))
With norms both before and after (Gemma 2):     x = x + output_norm(sublayer(norm(x)))
Sublayers in parallel (GPT-J, GPT-NeoX):        x = x + attention(norm(x)) + feed_forward(norm(x))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ...config import TransformerConfig
from ...shapes import Array, Float, Shaped
from ..products import PLAIN, Products
from ..rotary import Rotation
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


class _Sublayer(NamedTuple):
    """A sublayer and its norms.

    Attributes:
        name: such as ``self_attention``.
        apply: takes x and the sublayer's other inputs.
        norm: before or after it.
        output_norm: of its output, where there are norms on both sides.
    """

    name: str
    apply: Callable[..., Array]
    norm: Norm
    output_norm: Norm | None


class _Block:
    """The parts of both kinds of layer: self-attention, feed-forward, residual sums and norms."""

    def __init__(
        self,
        weights: Mapping[str, Array],
        path: str,
        config: TransformerConfig,
        *,
        window: int = 0,
        products: Products = PLAIN,
    ) -> None:
        self._weights, self._path, self._config = weights, path, config
        self._products, self._window = products, window
        self.self_attention = self._attention("self_attention", cross=False)
        self.feed_forward = self._feed_forward()
        self._self_attention = self._sublayer("self_attention", self.self_attention.self_attention)
        self._feed = self._sublayer("feed_forward", self.feed_forward)

    def _attention(self, name: str, *, cross: bool) -> MultiHeadAttention:
        config, rotary = self._config, self._config.rotary
        local = bool(self._window and rotary.local_base)
        rotation = (
            config.rotary_dim < config.head_dim,
            "local" if local else "",
            "none" if local else rotary.scaling,
        )
        return MultiHeadAttention(
            self._weights,
            f"{self._path}.{name}",
            num_heads=config.num_heads,
            num_kv_heads=config.key_value_heads,
            cross=cross,
            scale=config.attention.scale,
            softcap=config.attention.softcap,
            window=0 if cross else self._window,
            epsilon=config.norm_epsilon,
            rotation=rotation,
            products=self._products,
        )

    def _sublayer(self, name: str, apply: Callable[..., Array]) -> _Sublayer:
        both = self._config.norm_place == "both"
        output_norm = self._norm(f"{name}_output_norm") if both else None
        return _Sublayer(name, apply, self._norm(f"{name}_norm"), output_norm)

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
        sublayer: _Sublayer,
        x: Float[Array, "batch length d_model"],
        of: str,
        *arguments: Any,
        read: tuple[Float[Array, "batch length d_model"], str] | None = None,
        trace: Watcher,
        **options: Any,
    ) -> tuple[Float[Array, "batch length d_model"], str]:
        """Apply a sublayer, its residual sum and its norms, in the order of the config.

        Args:
            sublayer: with its norms.
            x: added to the sublayer's output.
            of: the name of the step that ``x`` is.
            arguments, options: of the sublayer.
            read: the sublayer's input, and the name of that step; None if it is ``x``.
            trace: records every step.

        Returns:
            the output, and the name of the step that it is.
        """
        name, place = sublayer.name, self._config.norm_place
        norm_trace = trace.at(f"{name}_norm")
        inner, inner_of = (x, of) if read is None else read
        if place != "after":
            inner = sublayer.norm(inner, trace=norm_trace, of=(inner_of,))
            inner_of = f"{name}_norm.output"
        y = sublayer.apply(inner, *arguments, trace=trace.at(name), of=(inner_of,), **options)
        y_of = f"{name}.{_LAST_STEP[name]}"
        if sublayer.output_norm is not None:
            y = sublayer.output_norm(y, trace=trace.at(f"{name}_output_norm"), of=(y_of,))
            y_of = f"{name}_output_norm.output"
        x = trace.record(steps.RESIDUAL[name], x + y, of=(of, y_of))
        if place != "after":
            return x, f"{name}_residual"
        return sublayer.norm(x, trace=norm_trace, of=(f"{name}_residual",)), f"{name}_norm.output"

    def _feed_to(
        self,
        x: Float[Array, "batch length d_model"],
        of: str,
        layer_input: Float[Array, "batch length d_model"],
        trace: Watcher,
    ) -> Float[Array, "batch length d_model"]:
        """Apply the feed-forward part, which reads the layer's input if sublayers are parallel."""
        read = (layer_input, "input") if self._config.parallel_sublayers else None
        return self._residual(self._feed, x, of, read=read, trace=trace)[0]


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
        layer_input = x = trace.record(steps.INPUT, x)
        x, of = self._residual(
            self._self_attention,
            x,
            "input",
            mask=mask,
            rotation=rotation,
            trace=trace,
        )
        return self._feed_to(x, of, layer_input, trace)


class DecoderBlock(_Block):
    """Causal self-attention, cross-attention where there is an encoder, then feed-forward.

    Args:
        weights: of the whole model.
        path: of this layer, such as ``decoder.layers.0``.
        config: of the model, with the decoder's sizes; with encoder layers, there is
            cross-attention.
        window: how many positions up to its own a query sees; 0 for no limit.
        products: how matrices are multiplied.
    """

    def __init__(
        self,
        weights: Mapping[str, Array],
        path: str,
        config: TransformerConfig,
        *,
        window: int = 0,
        products: Products = PLAIN,
    ) -> None:
        super().__init__(weights, path, config, window=window, products=products)
        self.cross_attention: MultiHeadAttention | None = None
        if config.encoder_layers:
            layer = self.cross_attention = self._attention("cross_attention", cross=True)
            self._cross_attention = self._sublayer("cross_attention", layer.cross_attention)

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
            memory: from `MultiHeadAttention.memory` of the encoder's output; None without
                cross-attention.
            mask: in addition to causality, as in `attention`.
            rotation: of the positions of ``x``.
            past: this layer's keys and values of earlier positions.
            trace: records every step.
        """
        layer_input = x = trace.record(steps.INPUT, x)
        x, of = self._residual(
            self._self_attention,
            x,
            "input",
            causal=True,
            mask=mask,
            rotation=rotation,
            past=past,
            trace=trace,
        )
        if self.cross_attention is not None:
            x, of = self._residual(self._cross_attention, x, of, memory, trace=trace)
        return self._feed_to(x, of, layer_input, trace)
