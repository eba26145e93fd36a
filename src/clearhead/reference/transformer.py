"""The Transformer of a config and a dictionary of weights: the forward pass, step by step.

    x        = embedding[source] * sqrt(d_model) + positions
    memory   = encoder layers, one after the other                        encode
    y        = embedding[target] * sqrt(d_model) + positions
    hidden   = decoder layers, each attending to memory                   decode
    logits   = hidden W_output^T                                          logits

(Vaswani et al. 2017.) What other models have beside it, `clearhead.config_parts` says. An engine,
`clearhead.engine.reference_engine`, runs these same layers: it hands them other `Products`, and a
`Cache` of the keys and values of earlier positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..errors import ConfigError
from ..shapes import Array, Float, Int
from .layers.attention_positions import AttentionPositions
from .layers.blocks import DecoderBlock, EncoderBlock
from .layers.embedding import Embedding
from .layers.linear import weight_and_bias
from .layers.multi_head import KeysAndValues, Memory
from .layers.norms import Norm
from .layers.output import Output
from .masks import attendable
from .products import PLAIN, Products
from .sides import Cache, Encoded, check_encoded, check_source, check_target
from .softmax import log_softmax, softmax
from .tracing.editing import watcher_of
from .tracing.steps import stacks as steps
from .tracing.trace import OFF
from .tracing.watcher import Watcher
from .weights import check_weights


class Transformer:
    """A Transformer in NumPy: every number on the way can be traced and replaced.

    Args:
        config: the shape of the model.
        weights: arrays by name, as docs/formats.md names them. They are checked and cast once.
        dtype: to compute in: float64 to judge another implementation, float32 to translate.
        products: how matrices are multiplied.

    Raises:
        ConfigError: weights are missing or unexpected; the message lists them.
        ShapeError: weights have wrong shapes; the message lists them.
    """

    def __init__(
        self,
        config: TransformerConfig,
        weights: Mapping[str, Array],
        *,
        dtype: Any = np.float64,
        products: Products = PLAIN,
    ) -> None:
        self.config = config
        self.products = products
        self.dtype = np.dtype(dtype)
        self.weights = check_weights(weights, config, dtype=self.dtype)
        self._embedding = Embedding(config, self.weights, products=products)
        self._positions = AttentionPositions(config, self.weights)
        self.encoder_layers = [
            EncoderBlock(self.weights, f"encoder.layers.{i}", config, products=products)
            for i in range(config.encoder_layers)
        ]
        self.decoder_layers = [
            DecoderBlock(
                self.weights,
                f"decoder.layers.{i}",
                config.of_stack("decoder"),
                window=config.window(i),
                products=products,
            )
            for i in range(config.decoder_layers)
        ]
        self._output: Output | None = None
        if config.output.matrix:
            self._output = Output(config, self.weights, products=products)

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return self.config.vocab_size

    def embed(
        self,
        ids: Int[Array, "batch length"],
        side: str,
        *,
        start: int = 0,
        token_types: Array | None = None,
        trace: Watcher = OFF,
    ) -> Float[Array, "batch length d_model"]:
        """Look up the vectors of tokens, and add those of their positions and types.

        Args:
            ids: of the tokens.
            side: ``source`` or ``target``.
            start: position of the first column.
            token_types: Int["batch length"], the type of each token, for a model that has types;
                None for all 0.
            trace: records ``tokens embedding [scaled_embedding] [positions] [token_types]
                embedded``; with a norm the sum is ``embedding_sum``.

        Raises:
            ConfigError: the model has no token types, and some came.
            ShapeError: the text is longer than max_length, or an id is not one of the vocabulary.
        """
        trace = watcher_of(self, trace)
        return self._embedding(ids, side, start=start, token_types=token_types, trace=trace)

    def encode(
        self,
        source_ids: Int[Array, "batch source_len"] | None = None,
        *,
        pixels: Float[Array, "batch channels height width"] | None = None,
        mask: Array | None = None,
        token_types: Array | None = None,
        trace: Watcher = OFF,
    ) -> Encoded:
        """Run the encoder.

        Args:
            source_ids: without a mask, ``pad_id`` marks padding, to which nothing attends.
            pixels: images, for a model that reads such, instead of ids. Their positions are those
                of their patches, row by row, after that of the class token.
            mask: Bool["batch source_len"], True where a position is real, whatever its id is; to
                others nothing attends.
            token_types: Int["batch source_len"], the type of each token, for a model that has
                types; None for all 0.
            trace: records every step, under ``encoder``.

        Raises:
            ConfigError: the model has no encoder, or one that reads something else, or no token
                types and some came.
            ShapeError: ids or images, mask and types do not fit together, or the model.
        """
        if not self.encoder_layers:
            raise ConfigError("This model has no encoder: its config says encoder_layers=0.")
        check_source(self.config, source_ids, pixels, token_types)
        trace = watcher_of(self, trace)
        scope = trace.at("encoder")
        if source_ids is None:
            x = self._embedding.of_images(np.asarray(pixels), trace=scope, norm_trace=trace)
        else:
            source_ids = np.asarray(source_ids)
            if mask is None:
                mask = source_ids != self.config.pad_id
            x = self._embedding(
                source_ids, "source", token_types=token_types, trace=scope, norm_trace=trace
            )
        batch, length = x.shape[:2]
        visible = attendable(mask, (batch, length))
        scores_mask = self._positions.add_bias(visible, "encoder", 0, length)
        rotation = self._positions.rotation(0, length)
        for i, layer in enumerate(self.encoder_layers):
            scope = trace.at(f"encoder.layers.{i}")
            x = layer(x, mask=scores_mask, rotation=rotation, trace=scope)
        return Encoded(self._final(x, "encoder", trace), visible)

    def memories(self, encoded: Encoded, *, trace: Watcher = OFF) -> list[KeysAndValues]:
        """Project an encoded source to the keys and values of each decoder layer."""
        trace = watcher_of(self, trace)
        of = ("encoder.output",) if trace.visited("encoder.output") else ()
        memories = []
        for i, layer in enumerate(self.decoder_layers):
            assert layer.cross_attention is not None
            scope = trace.at(f"decoder.layers.{i}.cross_attention")
            memories.append(
                layer.cross_attention.memory(encoded.output, encoded.mask, trace=scope, of=of)
            )
        return memories

    def decode(
        self,
        target_ids: Int[Array, "batch target_len"],
        encoded: Encoded | None = None,
        *,
        memories: Sequence[Memory] | None = None,
        cache: Cache | None = None,
        mask: Array | None = None,
        trace: Watcher = OFF,
    ) -> Float[Array, "batch target_len d_model"]:
        """Run the decoder.

        Args:
            target_ids: they begin with the start token; padding stands at the end, where
                causality hides it. With ``cache``, only the new positions.
            encoded: what `encode` returned; None for a decoder-only model.
            memories: what `memories` made of it, if it is to be used several times.
            cache: keys and values of earlier positions, to which those of the new are appended.
            mask: Bool["batch key_len"], True where a position is real, whatever its id is; to
                others nothing attends, so that a text may be padded at its beginning. None for
                all. With ``cache``, of all positions so far. What comes out where padding stands
                is finite and means nothing.
            trace: records every step, under ``decoder``.

        Returns:
            the hidden states of the last layer.
        """
        if not self.decoder_layers:
            raise ConfigError("This model has no decoder: its config says decoder_layers=0.")
        if memories is None:
            check_encoded(self.config, present=encoded is not None)
            memories = self.memories(encoded, trace=trace) if encoded is not None else ()
        target_ids = np.asarray(target_ids)
        start = cache.length if cache is not None else 0
        length = target_ids.shape[1]
        trace = watcher_of(self, trace, start=None if cache is None else start, length=length)

        visible = attendable(mask, (len(target_ids), start + length))

        x = self._embedding(
            target_ids, "target", start=start, trace=trace.at("decoder"), norm_trace=trace
        )
        scores_mask = self._positions.add_bias(visible, "decoder", start, length)
        for i, layer in enumerate(self.decoder_layers):
            local = bool(self.config.window(i))
            x = layer(
                x,
                memories[i] if memories else None,
                mask=scores_mask,
                rotation=self._positions.rotation(start, length, local=local),
                past=cache.layers[i] if cache is not None else None,
                trace=trace.at(f"decoder.layers.{i}"),
            )
        if cache is not None:
            cache.advance(length)
        return self._final(x, "decoder", trace)

    def logits(
        self, hidden: Float[Array, "... d_model"], *, trace: Watcher = OFF
    ) -> Float[Array, "... vocab"]:
        """Project to the vocabulary.

        Args:
            hidden: of the last layer.
            trace: records ``[scaled_hidden] [output_transform output_norm] [uncapped_logits]
                logits`` and ``probabilities``.

        Raises:
            ConfigError: the model has no output matrix.
        """
        if self._output is None:
            raise ConfigError("This model has no logits: its config says output.matrix=False.")
        trace = watcher_of(self, trace)
        stack = "decoder" if self.decoder_layers else "encoder"
        of = (f"{stack}.output",) if trace.visited(f"{stack}.output") else ()
        logits = self._output(hidden, trace=trace, of=of)
        if trace.enabled:
            trace.record(steps.PROBABILITIES, softmax(logits))
        return logits

    def forward(
        self,
        source_ids: Int[Array, "batch source_len"] | None = None,
        target_ids: Int[Array, "batch target_len"] | None = None,
        *,
        pixels: Float[Array, "batch channels height width"] | None = None,
        mask: Array | None = None,
        token_types: Array | None = None,
        trace: Watcher = OFF,
    ) -> Float[Array, "batch length vocab"]:
        """Return the logits of every position of the target, or of the source without a decoder.

        Args:
            source_ids: None for a decoder-only model.
            target_ids: None for an encoder-only model.
            pixels: images instead of ``source_ids``, as in `encode`.
            mask: Bool["batch length"], True where a position is real: of the source, or of the
                target in a decoder-only model. None: as `encode` and `decode` say.
            token_types: Int["batch source_len"], as in `encode`.
            trace: records every step.

        Raises:
            ConfigError: a side that the model has is missing, or one that it lacks is given.
            ShapeError: a side is longer than max_length, or an id is not in the vocabulary, or
                images are of another size.
        """
        check_source(self.config, source_ids, pixels, token_types)
        check_target(self.config, target_ids)
        if not self.encoder_layers:
            assert target_ids is not None
            return self.logits(self.decode(target_ids, mask=mask, trace=trace), trace=trace)
        encoded = self.encode(
            source_ids, pixels=pixels, mask=mask, token_types=token_types, trace=trace
        )
        if target_ids is None:
            return self.logits(encoded.output, trace=trace)
        return self.logits(self.decode(target_ids, encoded, trace=trace), trace=trace)

    def log_probabilities(
        self,
        source_ids: Int[Array, "batch source_len"] | None = None,
        target_ids: Int[Array, "batch target_len"] | None = None,
    ) -> Float[Array, "batch length vocab"]:
        """Return log softmax of `forward` over the vocabulary."""
        return log_softmax(self.forward(source_ids, target_ids))

    def _final(
        self, x: Float[Array, "batch length d_model"], stack: str, trace: Watcher
    ) -> Float[Array, "batch length d_model"]:
        """Apply the stack's last norm, which it has where norms stand before sublayers."""
        scope, layers = trace.at(stack), getattr(self, f"{stack}_layers")
        last = f"layers.{len(layers) - 1}.feed_forward"
        if self.config.norm_place == "after":
            return scope.record(steps.OUTPUT, x, of=(f"{last}_norm.output",))
        norm = Norm(self.config, *weight_and_bias(self.weights, f"{stack}.norm"))
        x = norm(x, trace=scope.at("norm"), of=(f"{last}_residual",))
        return scope.record(steps.OUTPUT, x, of=("norm.output",))
