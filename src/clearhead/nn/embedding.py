"""Embeds token ids or images: the input vectors of the first layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import TransformerConfig
from ..errors import ShapeError
from ..shapes import Float, Int
from .dropout import Dropout
from .fast.packing import Packing
from .linear import Linear
from .norms import make_norm
from .positions import positions_without_padding, sinusoidal_positions


class Embedding(nn.Embedding):
    """A table of token vectors, `nn.Embedding` under a name of its own."""


class Embedder(nn.Module):
    """Embeds tokens or image patches, and adds positions and token types.

    A model inherits from this class, so that the names of these weights are beside those of its
    layers.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.compute_dtype: torch.dtype | None = None
        self.dropout = Dropout(config.dropout)
        layers = {"source": config.encoder_layers, "target": config.decoder_layers}
        self._add_tables([side for side, count in layers.items() if count])

    def _add_tables(self, sides: list[str]) -> None:
        """Add the embedding tables and norms of the given sides."""
        config, part = self.config, self.config.embedding
        rows = config.max_length + part.position_offset
        if config.reads_images:
            self.patches = Linear(config.patches.pixels, config.d_model)
            if config.patches.class_token:
                self.class_token = Embedding(1, config.d_model)
        else:
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
            if part.skip_padding:
                table[part.position_offset - 1] = 0.0  # the row of padding
            self._sinusoidal: Tensor
            self.register_buffer("_sinusoidal", table, persistent=False)

    def embed(
        self,
        ids: Int[Tensor, "batch length"],
        side: str,
        start: int = 0,
        *,
        token_types: Int[Tensor, "..."] | None = None,
        packing: Packing | None = None,
    ) -> Float[Tensor, "*rows d_model"]:
        """Return the embeddings of tokens with their positions and types.

        Args:
            ids: token ids.
            side: ``source`` or ``target``.
            start: the position of the first column.
            token_types: of each token, Int["batch length"]; None means all of type 0.
            packing: of the real tokens, whose vectors are returned; None returns those of all
                tokens.

        Raises:
            ShapeError: the text is too long, or token types are given that the model does not have
                or that do not match the tokens.
        """
        config = self.config
        self._check_length(start + ids.shape[1], side)
        self._check_token_types(token_types, ids)
        read = ids if packing is None else packing.pack(ids)
        x = getattr(self, config.embedding_name(side))(read)
        if config.scale_embedding:
            x = x * math.sqrt(config.d_model)
        if config.positions in ("sinusoidal", "learned"):
            vectors = self._position_vectors(ids.shape[1], ids, side, start).to(x.dtype)
            if packing is not None:
                each = vectors.dim() == 3  # each text has its own position vectors
                vectors = packing.pack(vectors) if each else vectors[packing.columns]
            x = x + vectors
        if config.embedding.token_types:
            types = torch.zeros_like(ids) if token_types is None else token_types
            x = x + self.token_types(types if packing is None else packing.pack(types))
        return self._finish(x, side)

    def embed_images(
        self, pixels: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch length d_model"]:
        """Return the embeddings of patches with their positions, that of the class token first.

        Raises:
            ShapeError: the images have another size than the model's.
        """
        config, part = self.config, self.config.patches
        size = (part.channels, part.image_height, part.image_width)
        if pixels.dim() != 4 or pixels.shape[1:] != size:
            raise ShapeError(
                f"This model reads images (batch, channels, height, width) of {size}; these have "
                f"the shape {tuple(pixels.shape)}. Resize them first."
            )
        pixels = pixels.to(self.patches.weight.dtype)
        whole = pixels[:, :, : part.rows * part.height, : part.columns * part.width]
        patches = whole.unflatten(2, (part.rows, part.height))
        patches = patches.unflatten(4, (part.columns, part.width)).permute(0, 2, 4, 1, 3, 5)
        x: Tensor = self.patches(patches.flatten(3).flatten(1, 2))
        if part.class_token:
            first = self.class_token.weight.to(x.dtype)
            x = torch.cat([first.expand(len(x), 1, -1), x], dim=1)
        if config.positions in ("sinusoidal", "learned"):
            x = x + self._position_vectors(x.shape[1], None, "source", 0).to(x.dtype)
        return self._finish(x, "source")

    def _finish(
        self, x: Float[Tensor, "*rows d_model"], side: str
    ) -> Float[Tensor, "*rows d_model"]:
        """Apply the config's norm, if any, and dropout to the summed vectors."""
        if self.config.embedding.norm:
            x = getattr(self, f"{side}_embedding_norm")(x)
        return self.dropout(x.to(self.compute_dtype or x.dtype))

    def _position_vectors(
        self, length: int, ids: Int[Tensor, "batch length"] | None, side: str, start: int
    ) -> Float[Tensor, "... length d_model"]:
        """Return the position vectors to add to those of tokens or patches.

        Args:
            length: the number of positions.
            ids: of the tokens; None for patches.
            side, start: as in `embed`.
        """
        learned = self.config.positions == "learned"
        table: Tensor = getattr(self, f"{side}_positions").weight if learned else self._sinusoidal
        offset = self.config.embedding.position_offset
        if not self.config.embedding.skip_padding:
            return table[start + offset : start + offset + length]
        assert ids is not None  # guaranteed by the config's checks
        real = ids != self.config.pad_id
        rows = positions_without_padding(real, start=start, offset=offset)
        return F.embedding(rows, table)

    def _check_length(self, length: int, side: str) -> None:
        if length > self.config.max_length:
            raise ShapeError(
                f"A {side} of {length} tokens is longer than this model's max_length of "
                f"{self.config.max_length}. Split the text, or make a model with a larger one."
            )

    def _check_token_types(self, token_types: Tensor | None, ids: Tensor | None) -> None:
        if token_types is None:
            return
        if not self.config.embedding.token_types:
            raise ShapeError("This model has no token types: leave token_types out.")
        if ids is not None and token_types.shape != ids.shape:
            raise ShapeError(
                f"token_types has the shape {tuple(token_types.shape)}, and the tokens "
                f"{tuple(ids.shape)}: there is one type for each token."
            )
