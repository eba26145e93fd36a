"""The training step of three systems, of one shape, with one optimizer.

Each system is a function from a batch to nothing that does one whole step: loss, backward pass,
clipping of the gradient's norm, AdamW. What differs is the model and the way to its loss.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from clearhead.config import TransformerConfig
from clearhead.nn.positions import sinusoidal_positions
from clearhead.nn.transformer import Transformer
from clearhead.text.batches import Batch
from clearhead.training.step import batch_loss, clip_and_update

LABEL_SMOOTHING = 0.1
CLIP_NORM = 1.0
LEARNING_RATE = 1e-4
Step = Callable[[Batch], None]


@dataclass(frozen=True)
class Shape:
    """The shape that all systems share; normed after each sublayer, ReLU, tied embeddings."""

    vocab_size: int = 8000
    d_model: int = 256
    num_heads: int = 4
    layers: int = 3
    feed_forward_dim: int = 1024
    dropout: float = 0.1
    max_length: int = 256

    def config(self) -> TransformerConfig:
        """Return the shape as our own config."""
        return TransformerConfig(
            vocab_size=self.vocab_size,
            d_model=self.d_model,
            num_heads=self.num_heads,
            encoder_layers=self.layers,
            decoder_layers=self.layers,
            feed_forward_dim=self.feed_forward_dim,
            norm_place="after",
            positions="sinusoidal",
            max_length=self.max_length,
            dropout=self.dropout,
        )

    def flops(self, sources: list[int], targets: list[int]) -> float:
        """Return the FLOPs of a training step that its matrix products cannot do without.

        Counted for real tokens only, a multiply-add as two; a causal query attends to half of
        the keys; the backward pass costs twice the forward pass. Norms, softmax, dropout,
        padding and the optimizer count as nothing: this is work done, not effort spent.
        """
        d, f = self.d_model, self.feed_forward_dim
        source, target = sum(sources), sum(targets)
        linear = source * (4 * d * d + 2 * d * f) + target * (6 * d * d + 2 * d * f)
        linear += 2 * source * d * d  # keys and values of the cross-attention
        pairs = sum(s * s + t * (t + 1) / 2 + s * t for s, t in zip(sources, targets, strict=True))
        attention = 2 * d * pairs
        return 3 * 2 * (self.layers * (linear + attention) + target * d * self.vocab_size)


def batch_flops(shape: Shape, batch: Batch) -> float:
    """Return `Shape.flops` of a padded batch."""
    pad = shape.config().pad_id
    return shape.flops(
        (batch.source != pad).sum(1).tolist(), (batch.target_output != pad).sum(1).tolist()
    )


def optimizer_step(model: nn.Module) -> Callable[..., None]:
    """Run backward, clip and AdamW: the same code for all, that of clearhead.training."""
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=0.0, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.0, fused=True
    )

    def step(loss: Tensor, tokens: int = 1) -> None:
        loss.backward()
        clip_and_update(
            optimizer, loss, learning_rate=LEARNING_RATE, clip_norm=CLIP_NORM, tokens=tokens
        )

    return step


def autocast(precision: str) -> contextlib.AbstractContextManager:
    """Return what users of PyTorch write for mixed precision."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast("cpu", dtype=getattr(torch, precision))


def clearhead(shape: Shape, precision: str, compiled: bool) -> Step:
    """Make the step of `clearhead.nn.Transformer` with the loss of clearhead.training.step."""
    model = Transformer(shape.config()).train()
    if precision != "float32":
        model.compute_dtype = getattr(torch, precision)
    update = optimizer_step(model)
    if compiled:
        model.hidden = torch.compile(model.hidden)  # type: ignore[method-assign]

    def step(batch: Batch) -> None:
        loss = batch_loss(model, batch, LABEL_SMOOTHING)
        update(loss.smoothed, batch.target_tokens)

    return step


def cross_entropy(logits: Tensor, batch: Batch, pad_id: int) -> Tensor:
    """Return PyTorch's own label-smoothed loss, padded positions ignored."""
    targets = torch.from_numpy(batch.target_output).flatten()
    return F.cross_entropy(
        logits.flatten(0, 1), targets, ignore_index=pad_id, label_smoothing=LABEL_SMOOTHING
    )


def marian(shape: Shape, precision: str, compiled: bool, attention: str = "sdpa") -> Step:
    """Make the step of MarianMTModel under autocast; masks only where there is padding."""
    from transformers import MarianMTModel

    from clearhead.export.in_transformers import transformers_config

    config = shape.config()
    model = MarianMTModel._from_config(transformers_config(config), attn_implementation=attention)
    model.train()
    forward = torch.compile(model) if compiled else model
    update = optimizer_step(model)

    def step(batch: Batch) -> None:
        source = torch.from_numpy(batch.source)
        mask = None if (source != config.pad_id).all() else source != config.pad_id
        with autocast(precision):
            logits = forward(
                input_ids=source,
                attention_mask=mask,
                decoder_input_ids=torch.from_numpy(batch.target_input),
                use_cache=False,
            ).logits
            loss = cross_entropy(logits, batch, config.pad_id)
        update(loss)

    return step


class TorchTransformer(nn.Module):
    """torch.nn.Transformer with what it leaves to its user: embedding, positions, output."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.pad_id = shape.config().pad_id
        self.embedding = nn.Embedding(shape.vocab_size, shape.d_model)
        nn.init.normal_(self.embedding.weight, std=shape.d_model**-0.5)
        self.register_buffer("positions", sinusoidal_positions(shape.max_length, shape.d_model))
        self.dropout = nn.Dropout(shape.dropout)
        self.transformer = nn.Transformer(
            shape.d_model,
            shape.num_heads,
            shape.layers,
            shape.layers,
            shape.feed_forward_dim,
            shape.dropout,
            batch_first=True,
        )
        # It also drops attention weights and inner activations, which the others do not: off,
        # in its favour.
        for module in self.transformer.modules():
            if isinstance(module, nn.MultiheadAttention):
                module.dropout = 0.0
            elif isinstance(module, nn.TransformerEncoderLayer | nn.TransformerDecoderLayer):
                module.dropout = nn.Identity()

    def embed(self, ids: Tensor) -> Tensor:
        scaled = self.embedding(ids) * self.embedding.embedding_dim**0.5
        return self.dropout(scaled + self.positions[: ids.shape[1]])

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        padded = source == self.pad_id
        mask = padded if padded.any() else None
        causal = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        hidden = self.transformer(
            self.embed(source),
            self.embed(target),
            tgt_mask=causal,
            tgt_is_causal=True,
            src_key_padding_mask=mask,
            memory_key_padding_mask=mask,
        )
        return F.linear(hidden, self.embedding.weight)


def torch_transformer(shape: Shape, precision: str, compiled: bool) -> Step:
    """Make the step of torch.nn.Transformer under autocast."""
    model = TorchTransformer(shape).train()
    forward = torch.compile(model) if compiled else model
    update = optimizer_step(model)

    def step(batch: Batch) -> None:
        source, target = torch.from_numpy(batch.source), torch.from_numpy(batch.target_input)
        with autocast(precision):
            loss = cross_entropy(forward(source, target), batch, model.pad_id)
        update(loss)

    return step
