"""The gradients of a whole Transformer: forward with a tape, then every step in reverse order.

    L, dlogits = cross-entropy                       p - y
    dhidden    = back through the output
    dy, dmemory = back through the decoder layers, from the last to the first
    dx         = back through the encoder layers, beginning with dmemory
    dE         = the sum over both sides and the output matrix

(Rumelhart, Hinton and Williams 1986; each step is the chain rule once.)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ...config import TransformerConfig
from ...errors import ConfigError
from ...shapes import Array, Float
from ..layers.attention_positions import AttentionPositions
from ..positions import relative_buckets
from ..tracing.steps import attention_gradients as attention_steps
from ..tracing.steps import gradients as steps
from ..tracing.trace import OFF
from ..tracing.watcher import Watcher
from ..transformer import Transformer
from .blocks import through_layer
from .embedding import TableUses, through_embedding
from .loss import cross_entropy
from .multi_head import Reading, Turn
from .norms import through_norm
from .output import through_output
from .scope import Scope, Tape


class Gradients(NamedTuple):
    """The result of `gradients`.

    Attributes:
        loss: in nats per label, including label smoothing.
        weights: the derivative of the loss with respect to each weight, under the weight's name
            and of its shape.
    """

    loss: float
    weights: dict[str, Array]


def gradients(
    config: TransformerConfig,
    weights: Mapping[str, Array],
    source_ids: Array | None = None,
    target_ids: Array | None = None,
    *,
    labels: Array,
    label_mask: Array | None = None,
    label_smoothing: float = 0.0,
    mask: Array | None = None,
    token_types: Array | None = None,
    trace: Watcher = OFF,
) -> Gradients:
    """Return the loss of a batch, and its derivative with respect to every weight, in float64.

    Dropout is not applied, as it is not in `Transformer.forward`.

    Args:
        config: of the model.
        weights: arrays by name, as docs/formats.md names them.
        source_ids: Int["batch source_len"]; None for a decoder-only model.
        target_ids: Int["batch target_len"], beginning with the start token; None for an
            encoder-only model.
        labels: Int["batch length"], the token that each position of the target (of the source,
            without a decoder) is to predict: the target shifted by one.
        label_mask: Bool["batch length"], True where a label counts; None: where it is not
            ``pad_id``.
        label_smoothing: as in `cross_entropy`.
        mask, token_types: as in `Transformer.forward`.
        trace: records the forward pass, the loss, and then the gradient of every step, under its
            name with ``d_`` in front; that of a weight ``x.weight`` is ``x.d_weight``. Replacing a
            gradient changes those that are computed from it.

    Raises:
        ConfigError: the model reads images, or has no output matrix; or as `Transformer.forward`
            and `cross_entropy`.
        ShapeError: as these.
        TraceError: the trace replaces a step of the forward pass.
    """
    if config.reads_images or not config.output.matrix:
        lacking = "reads images" if config.reads_images else "has no output matrix"
        raise ConfigError(
            f"Gradients are those of a cross-entropy over token ids, and this model {lacking}. "
            "Ask clearhead.nn's layers for those of another loss, by loss.backward()."
        )
    model = Transformer(config, weights)
    tape = Tape(trace)
    logits = model.forward(source_ids, target_ids, mask=mask, token_types=token_types, trace=tape)
    if label_mask is None:
        label_mask = np.asarray(labels) != config.pad_id
    loss, d_logits = cross_entropy(
        logits, labels, label_mask=label_mask, label_smoothing=label_smoothing, trace=trace
    )
    backward = _Backward(model, Scope(tape, model.weights, trace))
    backward.through(d_logits)
    return Gradients(loss, {name: backward.gradients[name] for name in model.weights})


class _Backward:
    """The backward pass of a model.

    Args:
        model: whose forward pass has been run.
        scope: of the whole model.
    """

    def __init__(self, model: Transformer, scope: Scope) -> None:
        self._config, self._scope = model.config, scope
        self._positions = AttentionPositions(model.config, model.weights)
        self._uses = TableUses()
        self.gradients = scope.gradients

    def through(self, d_logits: Float[Array, "batch length vocab"]) -> None:
        """Go from the logits to the embeddings of both sides."""
        config = self._config
        d_hidden = through_output(self._scope, d_logits, config, self._uses)
        if config.decoder_layers:
            d_memory = self._through_stack("decoder", d_hidden)
            if d_memory is not None:
                encoder = self._scope.at("encoder")
                d = encoder.record(steps.D_OUTPUT, d_memory.value, of=(d_memory.name,))
                self._through_stack("encoder", d)
        else:
            self._through_stack("encoder", d_hidden)
        self._uses.record(self._scope)

    def _through_stack(
        self, stack: str, d_output: Float[Array, "batch length d_model"]
    ) -> Reading | None:
        """Go back through a stack; return the gradient of the encoder's output, of a decoder."""
        config, scope = self._config.of_stack(stack), self._scope
        d = self._through_last_norm(stack, d_output)
        memory: Reading | None = None
        d_memory: Reading | None = None
        d_bias: Reading | None = None
        if stack == "decoder" and config.encoder_layers:
            memory = Reading(scope["encoder.output"], "encoder.output")
        for number in reversed(range(getattr(config, f"{stack}_layers"))):
            place = scope.at(f"{stack}.layers.{number}")
            turn = self._turn(stack, number, d.value.shape[1])
            layer = through_layer(place, d, config, turn, memory=memory, later=d_memory)
            d, d_memory = layer.input, layer.memory
            if config.positions == "relative":
                d_bias = _through_bias(place, layer.masked, d_bias)
        if d_bias is not None:
            self._through_buckets(stack, d_bias)
        through_embedding(scope, stack, self._config, d, self._uses)
        return d_memory

    def _through_last_norm(
        self, stack: str, d_output: Float[Array, "batch length d_model"]
    ) -> Reading:
        """Go back through the norm at the end of a stack, if there is one."""
        name = f"{stack}.d_output"
        if self._config.norm_place == "after":
            return Reading(d_output, name)
        norm = self._scope.at(f"{stack}.norm")
        d = norm.record(steps.D_OUTPUT, d_output, of=(name,))
        d = through_norm(norm, d, self._config.norm_epsilon)
        return Reading(d, f"{stack}.norm.d_input")

    def _turn(self, stack: str, layer: int, length: int) -> Turn:
        """Return the rotation of the queries and keys of a layer."""
        config, rotary = self._config.of_stack(stack), self._config.rotary
        window = bool(config.window(layer)) and stack == "decoder"
        local = window and bool(rotary.local_base)
        way = (
            config.rotary_dim < config.head_dim,
            "local" if local else "",
            "none" if local else rotary.scaling,
        )
        return Turn(self._positions.rotation(0, length, local=window), way)

    def _through_buckets(self, stack: str, d_bias: Reading) -> None:
        """Record the gradient of T5's bias: for each bucket, the sum over all its places."""
        config, scope = self._config, self._scope.at(f"{stack}.relative_bias")
        heads, length = d_bias.value.shape[0], d_bias.value.shape[1]
        positions = np.arange(length)
        buckets = relative_buckets(
            positions[None, :] - positions[:, None],
            bidirectional=stack == "encoder",
            num_buckets=config.relative_buckets,
            max_distance=config.relative_max_distance,
        )
        buckets = scope.record(attention_steps.BUCKETS, buckets)
        table = np.zeros((config.relative_buckets, heads))
        np.add.at(table, buckets, d_bias.value.transpose(1, 2, 0))
        scope.record_weight(attention_steps.D_RELATIVE_BIAS, table, of=(d_bias.name, "buckets"))


def _through_bias(
    layer: Scope, d_masked: Float[Array, "batch heads query_len key_len"], later: Reading | None
) -> Reading:
    """Add a layer's gradient of the bias that all layers of its stack share.

    Args:
        layer: its scope.
        d_masked: the gradient of the scores that the bias was added to.
        later: the gradient from the layers after it.
    """
    scope, d_bias, of = layer.at("self_attention"), d_masked.sum(axis=0), ["d_masked"]
    if later is not None:
        d_bias = d_bias + later.value
        of.append(later.name)
    d_bias = scope.record(attention_steps.D_BIAS[later is not None], d_bias, of=of)
    return Reading(d_bias, f"{layer.path}self_attention.d_bias")
