"""The Transformer of a config: encoder-decoder, encoder-only or decoder-only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import TransformerConfig
from ..errors import ShapeError
from ..shapes import Bool, Float, Int
from .attention import KeyValue
from .blocks import DecoderBlock
from .dropout import Dropout
from .feed_forward import activate
from .linear import Linear
from .norms import make_norm
from .output import Output
from .positions import sinusoidal_positions
from .soft_cap import soft_cap
from .stack import Stack


@dataclass(frozen=True)
class Encoded:
    """A source as the decoder reads it.

    Attributes:
        output: the encoder's output.
        mask: True where a position may be attended to, or None for all.
    """

    output: Float[Tensor, "batch source_len d_model"]
    mask: Bool[Tensor, "batch 1 1 source_len"] | None


class Embedding(nn.Embedding):
    """Token vectors; a row of `nn.Embedding` by its id."""


class Transformer(nn.Module):
    """A Transformer whose shape is one small frozen config.

    Token ids equal to ``config.pad_id`` are padding: nothing attends to them in a source, and
    in a target they must stand at the end, where causality hides them. The arithmetic is done
    in ``compute_dtype`` (float32 unless set), parameters stay in their own dtype.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype: torch.dtype | None = None
        sides = [("source", "encoder")] * bool(config.encoder_layers)
        sides += [("target", "decoder")] * bool(config.decoder_layers)
        self._add_embeddings([side for side, _ in sides])
        for _, stack in sides:
            self.add_module(stack, Stack(config, stack))
        self._add_output()
        self.dropout = Dropout(config.dropout)
        self.reset_parameters()

    def _add_embeddings(self, sides: list[str]) -> None:
        """Add what the sides' vectors are made with: tables of vectors, and norms."""
        config, part = self.config, self.config.embedding
        rows = config.max_length + part.position_offset
        for name in dict.fromkeys(map(config.embedding_name, sides)):
            self.add_module(name, Embedding(config.vocab_size, config.d_model))
        for side in sides:
            if config.positions == "learned":
                self.add_module(f"{side}_positions", Embedding(rows, config.d_model))
            if part.norm:
                self.add_module(f"{side}_embedding_norm", make_norm(config))
        if part.token_types:
            self.token_types = Embedding(part.token_types, config.d_model)
        if config.positions == "sinusoidal":
            table = sinusoidal_positions(
                rows, config.d_model, layout=part.sinusoid, dtype=torch.float64
            )
            self._sinusoidal: Tensor
            self.register_buffer("_sinusoidal", table, persistent=False)

    def _add_output(self) -> None:
        config = self.config
        if config.output.transform:
            self.output_transform = Linear(config.d_model, config.d_model)
            self.output_norm = make_norm(config)
        self.output = Output(config)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw Xavier-uniform matrices and embeddings of standard deviation d_model^-0.5.

        Norms begin as ones, biases as zeros.
        """
        for name, parameter in self.named_parameters():
            if "norm" in name:
                nn.init.constant_(parameter, 1.0 if name.endswith("weight") else 0.0)
            elif any(table in name for table in ("embedding", "positions", "token_types")):
                nn.init.normal_(parameter, std=self.config.d_model**-0.5)
            elif parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)

    @property
    def output_matrix(self) -> Float[Tensor, "vocab d_model"]:
        """The matrix that turns the last hidden vector into logits."""
        matrix: Tensor = getattr(self, self.config.output_name).weight
        return matrix

    def embed(
        self,
        ids: Int[Tensor, "batch length"],
        side: str,
        start: int = 0,
        *,
        mask: Bool[Tensor, "batch key_len"] | None = None,
        token_types: Int[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length d_model"]:
        """Return the embeddings of tokens with their positions.

        Args:
            ids: token ids.
            side: ``source`` or ``target``.
            start: the position of the first column.
            mask: False at padding, from position 0 on; None: where ids are ``pad_id``.
            token_types: of each token; None: all of type 0.

        Raises:
            ShapeError: the text is too long, or the model has no token types.
        """
        config = self.config
        self._check_length(start + ids.shape[1], side)
        self._check_token_types(token_types)
        x = getattr(self, config.embedding_name(side))(ids)
        if config.scale_embedding:
            x = x * math.sqrt(config.d_model)
        if config.positions in ("sinusoidal", "learned"):
            x = x + self._position_vectors(ids, side, start, mask).to(x.dtype)
        if config.embedding.token_types:
            x = x + self.token_types(torch.zeros_like(ids) if token_types is None else token_types)
        if config.embedding.norm:
            x = getattr(self, f"{side}_embedding_norm")(x)
        return self.dropout(x.to(self.compute_dtype or x.dtype))

    def _position_vectors(
        self,
        ids: Int[Tensor, "batch length"],
        side: str,
        start: int,
        mask: Bool[Tensor, "batch key_len"] | None,
    ) -> Float[Tensor, "... length d_model"]:
        """Return the vectors that are added to those of the tokens."""
        learned = self.config.positions == "learned"
        table = getattr(self, f"{side}_positions").weight if learned else self._sinusoidal
        offset, length = self.config.embedding.position_offset, ids.shape[1]
        if not self.config.embedding.skip_padding:
            rows: Tensor = table[start + offset : start + offset + length]
            return rows
        real = ids != self.config.pad_id if mask is None else mask
        counts = real.cumsum(1) + (start if mask is None else 0)
        rows = torch.where(real, counts + offset - 1, offset - 1)[:, -length:]
        return F.embedding(rows, table)

    def _check_length(self, length: int, side: str) -> None:
        if length > self.config.max_length:
            raise ShapeError(
                f"A {side} of {length} tokens is longer than this model's max_length of "
                f"{self.config.max_length}. Split the text, or make a model with a larger one."
            )

    def _check_token_types(self, token_types: Tensor | None) -> None:
        if token_types is not None and not self.config.embedding.token_types:
            raise ShapeError("This model has no token types: leave token_types out.")

    def encode(
        self,
        source_ids: Int[Tensor, "batch source_len"],
        *,
        mask: Bool[Tensor, "batch source_len"] | None = None,
        token_types: Int[Tensor, "batch source_len"] | None = None,
    ) -> Encoded:
        """Run the encoder.

        Args:
            source_ids: the source's token ids.
            mask: False at padding, to which nothing attends; None: where ids are ``pad_id``.
            token_types: of each token; None: all of type 0.
        """
        visible = source_ids != self.config.pad_id if mask is None else mask
        memory_mask = None if bool(visible.all()) else visible[:, None, None, :]
        x = self.embed(source_ids, "source", mask=mask, token_types=token_types)
        options = self.encoder.layer_options(0, source_ids.shape[1], mask=memory_mask, like=x)
        for layer, its_options in zip(self.encoder.layers, options, strict=True):
            x = layer(x, **its_options)
        return Encoded(self.encoder.norm(x), memory_mask)

    def memories(self, encoded: Encoded) -> list[KeyValue]:
        """Return the cross-attention keys and values of each decoder layer, once for a source."""
        return [
            layer.cross_attention.project_key_value(encoded.output)
            for layer in self.decoder.layers
            if isinstance(layer, DecoderBlock)
        ]

    def decode(
        self,
        target_ids: Int[Tensor, "batch target_len"],
        encoded: Encoded | None = None,
        *,
        mask: Bool[Tensor, "batch key_len"] | None = None,
        memories: list[KeyValue] | None = None,
        past: list[KeyValue] | None = None,
    ) -> tuple[Float[Tensor, "batch target_len d_model"], list[KeyValue]]:
        """Run the decoder.

        Args:
            target_ids: the decoder's input, padding at the end; with ``past``, only the positions
                after it.
            encoded: the encoder's result; None for a decoder-only model.
            mask: of all positions so far, those of ``past`` in front: False at padding, to which
                nothing attends. None hides nothing but what is later.
            memories: the result of `memories`, to be used again at each step.
            past: the keys and values that the previous call returned, for decoding in steps.

        Returns:
            Hidden vectors, and the keys and values so far.
        """
        start = past[0].key.shape[2] if past else 0
        x = self.embed(target_ids, "target", start, mask=mask)
        visible = None if mask is None else mask[:, None, None, :]
        options = self.decoder.layer_options(start, target_ids.shape[1], mask=visible, like=x)
        if encoded is not None and memories is None:
            memories = self.memories(encoded)
        present: list[KeyValue] = []
        for i, layer in enumerate(self.decoder.layers):
            x, so_far = layer(
                x,
                memories[i] if memories else None,
                memory_mask=encoded.mask if encoded is not None else None,
                past=past[i] if past else None,
                **options[i],
            )
            present.append(so_far)
        return self.decoder.norm(x), present

    def before_output(self, hidden: Float[Tensor, "... d_model"]) -> Float[Tensor, "... d_model"]:
        """Return what the output matrix multiplies: hidden vectors, transformed and scaled."""
        part = self.config.output
        if part.transform:
            hidden = self.output_norm(activate(self.output_transform(hidden), part.transform))
        return hidden if part.scale is None else hidden * part.scale

    def logits(self, hidden: Float[Tensor, "... d_model"]) -> Float[Tensor, "... vocab"]:
        """Turn hidden vectors into logits."""
        dtype, bias = hidden.dtype, self.output.bias
        bias = bias if bias is None else bias.to(dtype)
        logits = F.linear(self.before_output(hidden), self.output_matrix.to(dtype), bias)
        return soft_cap(logits, self.config.output.softcap)

    def hidden(
        self,
        source_ids: Int[Tensor, "batch source_len"] | None,
        target_ids: Int[Tensor, "batch target_len"] | None,
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
        token_types: Int[Tensor, "batch source_len"] | None = None,
    ) -> Float[Tensor, "batch length d_model"]:
        """Return the last hidden vectors, before the output projection.

        Args:
            source_ids: None for a decoder-only model.
            target_ids: None for an encoder-only model.
            mask: of the source, or of the target of a decoder-only model: False at padding.
                None: a source is padded where ids are ``pad_id``.
            token_types: of the source's tokens; None: all of type 0.

        Raises:
            ShapeError: a side that the model has is missing, or one that it lacks is given.
        """
        for side, ids, layers in (
            ("source", source_ids, self.config.encoder_layers),
            ("target", target_ids, self.config.decoder_layers),
        ):
            if (ids is None) == bool(layers):
                verb = "needs" if layers else "takes no"
                raise ShapeError(f"This model has {layers} {side} layers and {verb} {side}_ids.")
        self._check_token_types(token_types)
        if source_ids is None:
            assert target_ids is not None
            return self.decode(target_ids, mask=mask)[0]
        encoded = self.encode(source_ids, mask=mask, token_types=token_types)
        return encoded.output if target_ids is None else self.decode(target_ids, encoded)[0]

    def forward(
        self,
        source_ids: Int[Tensor, "batch source_len"] | None = None,
        target_ids: Int[Tensor, "batch target_len"] | None = None,
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
        token_types: Int[Tensor, "batch source_len"] | None = None,
    ) -> Float[Tensor, "batch length vocab"]:
        """Compute the logits of the decoder's positions (of the source's, if there is none).

        The arguments are those of `hidden`.
        """
        return self.logits(self.hidden(source_ids, target_ids, mask=mask, token_types=token_types))
