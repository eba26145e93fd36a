"""The Transformer of a config: encoder-decoder, encoder-only or decoder-only."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import TransformerConfig
from ..errors import ShapeError
from ..shapes import Bool, Float, Int
from .attention import KeyValue, attendable
from .blocks import DecoderBlock
from .embedding import Embedder
from .fast.packing import Packing, packing_of
from .feed_forward import activate
from .linear import Linear
from .norms import make_norm
from .output import Output
from .soft_cap import soft_cap
from .stack import Stack

_TABLES = ("embedding", "positions", "token_types", "class_token")


@dataclass(frozen=True)
class Encoded:
    """An encoded source, the decoder's input.

    Attributes:
        output: the encoder's output.
        mask: True where a position may be attended to, or None for all.
        packing: of ``output`` if that has only the rows of real tokens, [real, d_model]; else None.
    """

    output: Float[Tensor, "*rows d_model"]
    mask: Bool[Tensor, "batch 1 1 source_len"] | None
    packing: Packing | None = None


class Transformer(Embedder):
    """A Transformer whose architecture is described by one small frozen config.

    Without a mask, token ids equal to ``config.pad_id`` are padding. In a source, no position
    attends to them; in a target they must be at the end, where causality hides them. Computation is
    in ``compute_dtype`` (float32 unless set); parameters keep their own dtype.
    """

    encoder: Stack
    decoder: Stack

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__(config)
        for stack in ("encoder", "decoder"):
            if getattr(config, f"{stack}_layers"):
                self.add_module(stack, Stack(config, stack))
        self._add_output()
        self.reset_parameters()

    def _add_output(self) -> None:
        config = self.config
        if config.output.transform:
            self.output_transform = Linear(config.d_model, config.d_model)
            self.output_norm = make_norm(config) if config.output.transform_norm else nn.Identity()
        self.output = Output(config)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Initialise matrices Xavier-uniformly, embeddings normally with std d_model^-0.5.

        Weights of norms are set to ones, biases to zeros.
        """
        for name, parameter in self.named_parameters():
            if "norm" in name:
                nn.init.constant_(parameter, 1.0 if name.endswith("weight") else 0.0)
            elif any(table in name for table in _TABLES):
                nn.init.normal_(parameter, std=self.config.d_model**-0.5)
            elif parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)

    @property
    def output_matrix(self) -> Float[Tensor, "vocab d_model"]:
        """The matrix that maps the last hidden vectors to logits."""
        matrix: Tensor = getattr(self, self.config.output_name).weight
        return matrix

    def encode(
        self,
        source_ids: Int[Tensor, "batch source_len"] | None = None,
        *,
        pixels: Float[Tensor, "batch channels height width"] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        token_types: Int[Tensor, "..."] | None = None,
        without_padding: bool = False,
    ) -> Encoded:
        """Run the encoder.

        Args:
            source_ids: the source's token ids.
            pixels: images instead of ids, for a model that reads images.
            mask: Bool["batch source_len"], True where a position is real, whatever its id; no
                position attends to the others. None means where ids are not ``pad_id``.
            token_types: of each token, Int["batch length"]; None means all of type 0.
            without_padding: whether to compute only real tokens if there is enough padding.

        Raises:
            ShapeError: ids or images, mask and types do not fit each other or the model.
        """
        self._check_source(source_ids, pixels, token_types)
        packing = None
        if source_ids is None:
            assert pixels is not None
            x = self.embed_images(pixels)
            shape = x.shape[:2]
            memory_mask = attendable(mask, shape)
        else:
            mask = source_ids != self.config.pad_id if mask is None else mask
            shape = source_ids.shape
            memory_mask = attendable(mask, shape)
            packing = packing_of(mask) if without_padding else None
            x = self.embed(source_ids, "source", token_types=token_types, packing=packing)
        options = self.encoder.layer_options(0, shape[1], mask=memory_mask, like=x)
        for layer, its_options in zip(self.encoder.layers, options, strict=True):
            x = layer(x, packing=packing, **its_options)
        return Encoded(self.encoder.norm(x), memory_mask, packing)

    def _check_source(
        self, source_ids: Tensor | None, pixels: Tensor | None, token_types: Tensor | None
    ) -> None:
        """Check that the encoder's kind of input (ids or images) is given, and that types fit."""
        images = self.config.reads_images
        name, value = ("pixels", pixels) if images else ("source_ids", source_ids)
        other, surplus = ("source_ids", source_ids) if images else ("pixels", pixels)
        self._check_side("encoder", name, present=value is not None)
        if surplus is not None:
            kind = "images" if images else "token ids"
            raise ShapeError(f"This model reads {kind} and takes no {other}.")
        self._check_token_types(token_types, source_ids)

    def _check_side(self, stack: str, name: str, *, present: bool) -> None:
        layers: int = getattr(self.config, f"{stack}_layers")
        if present != bool(layers):
            verb = "needs" if layers else "takes no"
            raise ShapeError(f"This model has {layers} {stack} layers and {verb} {name}.")

    def memories(self, encoded: Encoded) -> list[KeyValue]:
        """Return the cross-attention keys and values of each decoder layer for a source."""
        return [
            layer.cross_attention.project_key_value(encoded.output, encoded.packing)
            for layer in self.decoder.layers
            if isinstance(layer, DecoderBlock)
        ]

    def decode(
        self,
        target_ids: Int[Tensor, "batch target_len"],
        encoded: Encoded | None = None,
        *,
        mask: Bool[Tensor, "..."] | None = None,
        memories: list[KeyValue] | None = None,
        past: list[KeyValue] | None = None,
        packing: Packing | None = None,
    ) -> tuple[Float[Tensor, "*rows d_model"], list[KeyValue]]:
        """Run the decoder.

        Args:
            target_ids: the decoder's input, with padding at the end; with ``past``, only the
                positions after it.
            encoded: the encoder's result; None for a decoder-only model.
            mask: Bool["batch key_len"], True where a position is real, whatever its id; no position
                attends to the others, so a text may also be padded at its beginning. It covers all
                positions so far, those of ``past`` first. None means all are real.
            memories: the result of `memories`, to reuse at each step; None computes it.
            past: the keys and values that the previous call returned, for decoding in steps.
            packing: of the real tokens, whose hidden vectors are returned; None returns those of
                all positions.

        Returns:
            Hidden vectors, and the keys and values so far.
        """
        start = past[0].key.shape[2] if past else 0
        batch, length = target_ids.shape
        x = self.embed(target_ids, "target", start, packing=packing)
        visible = attendable(mask, (batch, start + length))
        options = self.decoder.layer_options(start, length, mask=visible, like=x)
        if encoded is not None and memories is None:
            memories = self.memories(encoded)
        present: list[KeyValue] = []
        for i, layer in enumerate(self.decoder.layers):
            x, so_far = layer(
                x,
                memories[i] if memories else None,
                memory_mask=encoded.mask if encoded is not None else None,
                past=past[i] if past else None,
                packing=packing,
                **options[i],
            )
            present.append(so_far)
        return self.decoder.norm(x), present

    def before_output(self, hidden: Float[Tensor, "... d_model"]) -> Float[Tensor, "... d_model"]:
        """Return the hidden vectors, scaled and transformed, as input of the output matrix."""
        part = self.config.output
        if part.scale is not None:
            hidden = hidden * part.scale
        if part.transform:
            hidden = self.output_norm(activate(self.output_transform(hidden), part.transform))
        return hidden

    def logits(self, hidden: Float[Tensor, "... d_model"]) -> Float[Tensor, "... vocab"]:
        """Return the logits of hidden vectors.

        Raises:
            ShapeError: the model has no output matrix.
        """
        if not self.config.output.matrix:
            raise ShapeError("This model has no logits: its config says output.matrix=False.")
        dtype, bias = hidden.dtype, self.output.bias
        logits = F.linear(
            self.before_output(hidden),
            self.output_matrix.to(dtype),
            None if bias is None else bias.to(dtype),
        )
        return soft_cap(logits, self.config.output.softcap)

    def hidden(
        self,
        source_ids: Int[Tensor, "batch source_len"] | None,
        target_ids: Int[Tensor, "batch target_len"] | None,
        *,
        pixels: Float[Tensor, "batch channels height width"] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        token_types: Int[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "batch length d_model"]:
        """Return the last hidden vectors, before the output projection.

        Args:
            source_ids: None for a decoder-only model.
            target_ids: None for an encoder-only model.
            pixels: images instead of ``source_ids``, for a model that reads images.
            mask: True where a position of the source is real, or of the target in a decoder-only
                model. None has the meaning described in `encode` and `decode`.
            token_types: of the source's tokens; None means all of type 0.

        Raises:
            ShapeError: an input of the model's encoder or decoder is missing, or one for a stack
                that it lacks is given.
        """
        self._check_source(source_ids, pixels, token_types)
        self._check_side("decoder", "target_ids", present=target_ids is not None)
        if not self.config.encoder_layers:
            assert target_ids is not None
            return self.decode(target_ids, mask=mask)[0]
        encoded = self.encode(source_ids, pixels=pixels, mask=mask, token_types=token_types)
        return encoded.output if target_ids is None else self.decode(target_ids, encoded)[0]

    def hidden_rows(
        self,
        source_ids: Int[Tensor, "batch source_len"] | None,
        target_ids: Int[Tensor, "batch target_len"],
        real: Bool[Tensor, "batch target_len"],
    ) -> Float[Tensor, "real d_model"]:
        """Return the decoder's hidden vectors at real tokens, without computing those at padding.

        Args:
            source_ids: None for a decoder-only model.
            target_ids: the decoder's input, with padding at the end.
            real: True where a position of the target is real.

        Raises:
            ShapeError: an input of the model's encoder or decoder is missing, or one for a stack
                that it lacks is given.
        """
        self._check_source(source_ids, None, None)
        self._check_side("decoder", "target_ids", present=True)
        encoded = None if source_ids is None else self.encode(source_ids, without_padding=True)
        packing = packing_of(real)
        hidden, _ = self.decode(target_ids, encoded, packing=packing)
        if packing is not None:
            return hidden
        return hidden.flatten(0, 1) if bool(real.all()) else Packing(real).pack(hidden)

    def forward(
        self,
        source_ids: Int[Tensor, "batch source_len"] | None = None,
        target_ids: Int[Tensor, "batch target_len"] | None = None,
        *,
        pixels: Float[Tensor, "batch channels height width"] | None = None,
        mask: Bool[Tensor, "..."] | None = None,
        token_types: Int[Tensor, "..."] | None = None,
    ) -> Float[Tensor, "batch length vocab"]:
        """Compute the logits at the decoder's positions; without a decoder, at the source's.

        The arguments are those of `hidden`.
        """
        return self.logits(
            self.hidden(source_ids, target_ids, pixels=pixels, mask=mask, token_types=token_types)
        )
