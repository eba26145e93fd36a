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
from .attention import KeyValue, Rotation
from .blocks import DecoderBlock, EncoderBlock
from .dropout import Dropout
from .norms import make_norm
from .positions import ScoreBias, rotary_angles, sinusoidal_positions


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


class _Stack(nn.Module):
    """Layers, the final norm (with norms before), and what positions add to scores."""

    def __init__(self, config: TransformerConfig, blocks: list[nn.Module], *, encoder: bool):
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(blocks)
        if config.norm_place == "before":
            self.norm = make_norm(config)
        if config.positions in ("alibi", "relative"):
            self.relative_bias = ScoreBias(config, bidirectional=encoder)

    def bias(
        self, query_len: int, key_len: int, dtype: torch.dtype
    ) -> Float[Tensor, "heads query_len key_len"] | None:
        """Return what positions add to the scores; None where they add nothing."""
        if self.config.positions not in ("alibi", "relative"):
            return None
        return self.relative_bias(query_len, key_len, dtype)

    def rotation(self, start: int, length: int, device: torch.device) -> Rotation | None:
        """Return the rotation of ``length`` positions from ``start`` on; None without one."""
        if self.config.positions != "rotary":
            return None
        angles = rotary_angles(start + length, self.config.head_dim, self.config.rotary_base)
        angles = angles[start:].to(device)
        return Rotation(angles.cos(), angles.sin())

    def final(
        self, x: Float[Tensor, "batch length d_model"]
    ) -> Float[Tensor, "batch length d_model"]:
        """Apply the norm behind the last layer, where there is one."""
        return self.norm(x) if self.config.norm_place == "before" else x


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
        self._add_embeddings(config)
        if config.encoder_layers:
            encoder_blocks: list[nn.Module] = [
                EncoderBlock(config) for _ in range(config.encoder_layers)
            ]
            self.encoder = _Stack(config, encoder_blocks, encoder=True)
        if config.decoder_layers:
            decoder_blocks: list[nn.Module] = [
                DecoderBlock(config) for _ in range(config.decoder_layers)
            ]
            self.decoder = _Stack(config, decoder_blocks, encoder=False)
        self.dropout = Dropout(config.dropout)
        self.reset_parameters()

    def _add_embeddings(self, config: TransformerConfig) -> None:
        size = (config.vocab_size, config.d_model)
        if config.tied_embeddings:
            self.embedding = Embedding(*size)
        else:
            if config.encoder_layers:
                self.source_embedding = Embedding(*size)
            if config.decoder_layers:
                self.target_embedding = Embedding(*size)
            self.output = nn.Linear(config.d_model, config.vocab_size, bias=False)
        if config.positions == "learned":
            if config.encoder_layers:
                self.source_positions = Embedding(config.max_length, config.d_model)
            if config.decoder_layers:
                self.target_positions = Embedding(config.max_length, config.d_model)
        if config.positions == "sinusoidal":
            table = sinusoidal_positions(config.max_length, config.d_model, dtype=torch.float64)
            self._sinusoidal: Tensor
            self.register_buffer("_sinusoidal", table, persistent=False)

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw Xavier-uniform matrices and embeddings of standard deviation d_model^-0.5."""
        for name, parameter in self.named_parameters():
            if "embedding" in name or "positions" in name:
                nn.init.normal_(parameter, std=self.config.d_model**-0.5)
            elif "norm" in name:
                nn.init.constant_(parameter, 1.0 if name.endswith("weight") else 0.0)
            elif parameter.dim() == 2:
                nn.init.xavier_uniform_(parameter)
            else:
                nn.init.zeros_(parameter)

    def _matrix(self, side: str) -> Tensor:
        if self.config.tied_embeddings:
            return self.embedding.weight
        return getattr(self, f"{side}_embedding").weight

    @property
    def output_matrix(self) -> Float[Tensor, "vocab d_model"]:
        """The matrix that turns the last hidden vector into logits."""
        return self.embedding.weight if self.config.tied_embeddings else self.output.weight

    def embed(
        self, ids: Int[Tensor, "batch length"], side: str, start: int = 0
    ) -> Float[Tensor, "batch length d_model"]:
        """Return the embeddings of tokens with their positions.

        Args:
            ids: token ids.
            side: ``source`` or ``target``.
            start: the position of the first column.
        """
        self._check_length(start + ids.shape[1], side)
        x = F.embedding(ids, self._matrix(side))
        if self.config.scale_embedding:
            x = x * math.sqrt(self.config.d_model)
        window = slice(start, start + ids.shape[1])
        if self.config.positions == "sinusoidal":
            x = x + self._sinusoidal[window].to(x.dtype)
        elif self.config.positions == "learned":
            x = x + getattr(self, f"{side}_positions").weight[window]
        return self.dropout(x.to(self.compute_dtype or x.dtype))

    def _check_length(self, length: int, side: str) -> None:
        if length > self.config.max_length:
            raise ShapeError(
                f"A {side} of {length} tokens is longer than this model's max_length of "
                f"{self.config.max_length}. Split the text, or make a model with a larger one."
            )

    def encode(self, source_ids: Int[Tensor, "batch source_len"]) -> Encoded:
        """Run the encoder."""
        visible = source_ids != self.config.pad_id
        mask = None if bool(visible.all()) else visible[:, None, None, :]
        x = self.embed(source_ids, "source")
        length = source_ids.shape[1]
        bias = self.encoder.bias(length, length, x.dtype)
        rotation = self.encoder.rotation(0, length, x.device)
        for layer in self.encoder.layers:
            x = layer(x, mask=mask, bias=bias, rotation=rotation)
        return Encoded(self.encoder.final(x), mask)

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
        memories: list[KeyValue] | None = None,
        past: list[KeyValue] | None = None,
    ) -> tuple[Float[Tensor, "batch target_len d_model"], list[KeyValue]]:
        """Run the decoder.

        Args:
            target_ids: the decoder's input, padding at the end; with ``past``, only the positions
                after it.
            encoded: the encoder's result; None for a decoder-only model.
            memories: the result of `memories`, to be used again at each step.
            past: the keys and values that the previous call returned, for decoding in steps.

        Returns:
            Hidden vectors, and the keys and values so far.
        """
        start = past[0].key.shape[2] if past else 0
        x = self.embed(target_ids, "target", start)
        length = target_ids.shape[1]
        bias = self.decoder.bias(length, start + length, x.dtype)
        rotation = self.decoder.rotation(start, length, x.device)
        if encoded is not None and memories is None:
            memories = self.memories(encoded)
        present: list[KeyValue] = []
        for i, layer in enumerate(self.decoder.layers):
            x, so_far = layer(
                x,
                memories[i] if memories else None,
                memory_mask=encoded.mask if encoded is not None else None,
                bias=bias,
                rotation=rotation,
                past=past[i] if past else None,
            )
            present.append(so_far)
        return self.decoder.final(x), present

    def logits(self, hidden: Float[Tensor, "... d_model"]) -> Float[Tensor, "... vocab"]:
        """Turn hidden vectors into logits."""
        return F.linear(hidden, self.output_matrix.to(hidden.dtype))

    def hidden(
        self,
        source_ids: Int[Tensor, "batch source_len"] | None,
        target_ids: Int[Tensor, "batch target_len"] | None,
    ) -> Float[Tensor, "batch length d_model"]:
        """Return the last hidden vectors, before the output projection.

        Args:
            source_ids: None for a decoder-only model.
            target_ids: None for an encoder-only model.

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
        if target_ids is None:
            assert source_ids is not None
            return self.encode(source_ids).output
        encoded = None if source_ids is None else self.encode(source_ids)
        return self.decode(target_ids, encoded)[0]

    def forward(
        self,
        source_ids: Int[Tensor, "batch source_len"] | None = None,
        target_ids: Int[Tensor, "batch target_len"] | None = None,
    ) -> Float[Tensor, "batch length vocab"]:
        """Compute the logits of the decoder's positions (of the source's, if there is none)."""
        return self.logits(self.hidden(source_ids, target_ids))
