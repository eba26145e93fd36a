"""The training step of three systems, of one shape, with one optimizer.

Each system, called with a batch, does one whole step: loss, backward pass, clipping of the
gradient's norm, AdamW. What differs is the model and the way to its loss.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn import functional as F

from clearhead.config import TransformerConfig
from clearhead.nn.positions import sinusoidal_positions
from clearhead.nn.transformer import Transformer
from clearhead.text.batches import Batch
from clearhead.training.processes.gradients import sum_gradients
from clearhead.training.processes.parallel import Processes
from clearhead.training.step import batch_loss, clip_and_update

from ..machine import installed

OURS, MARIAN, TORCH = "clearhead", "transformers Marian", "torch.nn.Transformer"
LABEL_SMOOTHING = 0.1
CLIP_NORM = 1.0
LEARNING_RATE = 1e-4


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


QUICK = Shape(vocab_size=64, d_model=16, num_heads=2, layers=1, feed_forward_dim=32)


def batch_flops(shape: Shape, batch: Batch) -> float:
    """Return `Shape.flops` of a padded batch."""
    pad = shape.config().pad_id
    return shape.flops(
        (batch.source != pad).sum(1).tolist(), (batch.target_output != pad).sum(1).tolist()
    )


class System:
    """A model with its way to a loss, and the whole step, which is the same code for all.

    Called with a batch it makes one step: loss, backward pass, clipping, AdamW.

    Attributes:
        model: whose weights are trained.
        rate: the learning rate of the next step.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[Batch, float], tuple[Tensor, int]],
        shared: bool = False,
    ) -> None:
        """Take a model and its loss.

        Args:
            model: the model.
            loss: of a batch and a share of label smoothing; and what its gradient is divided by.
            shared: whether gradients are summed over processes by clearhead's tree.
        """
        self.model, self.loss, self.rate = model, loss, LEARNING_RATE
        self._shared = shared
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=0.0, betas=(0.9, 0.98), eps=1e-9, weight_decay=0.0, fused=True
        )

    def __call__(self, batch: Batch) -> None:
        """Make one step; of several processes each has its part of the batch."""
        totals: list[tuple[Tensor, int]] = []

        def backward(_: int) -> None:
            loss, divisor = self.loss(batch, LABEL_SMOOTHING)
            loss.backward()
            totals.append((loss.detach(), divisor))

        tokens = 1
        if self._shared:
            here = Processes()
            sum_gradients(list(self.model.parameters()), here, here.count, backward)
            tokens = int(here.add_up(torch.tensor([totals[0][1]])))
        else:
            backward(0)
            tokens = totals[0][1]
        clip_and_update(
            self._optimizer,
            totals[0][0],
            learning_rate=self.rate,
            clip_norm=CLIP_NORM,
            tokens=tokens,
        )

    @torch.no_grad()
    def nats(self, batches: Sequence[Batch]) -> float:
        """Return the loss of each prediction, without smoothing and dropout."""
        self.model.eval()
        # nn.Transformer's shortcut for evaluation takes no autocast.
        before = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        total = 0.0
        for batch in batches:
            loss, divisor = self.loss(batch, 0.0)
            total += float(loss) / divisor * batch.target_tokens
        torch.backends.mha.set_fastpath_enabled(before)
        self.model.train()
        return total / sum(batch.target_tokens for batch in batches)


def wrapped(model: nn.Module, compiled: bool) -> nn.Module:
    """Return what computes: of several processes DistributedDataParallel, compiled if asked."""
    if dist.is_initialized():
        model = nn.parallel.DistributedDataParallel(model, gradient_as_bucket_view=True)
    return torch.compile(model) if compiled else model  # type: ignore[return-value]


@torch.no_grad()
def begin_alike(model: nn.Module, width: int) -> None:
    """Draw weights of the sizes that clearhead's begin with."""
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if "norm" in name:
            nn.init.constant_(parameter, 1.0 if name.endswith("weight") else 0.0)
        elif "shared" in name or "embed" in name:
            nn.init.normal_(parameter, std=width**-0.5)
        elif parameter.dim() == 2:
            for part in parameter.split(width) if "in_proj" in name else [parameter]:
                nn.init.xavier_uniform_(part)
        else:
            nn.init.zeros_(parameter)


def autocast(precision: str) -> contextlib.AbstractContextManager:
    """Return what users of PyTorch write for mixed precision."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast("cpu", dtype=getattr(torch, precision))


def clearhead(shape: Shape, precision: str, compiled: bool) -> System:
    """Make the step of `clearhead.nn.Transformer` with the loss of clearhead.training.step."""
    model = Transformer(shape.config()).train()
    if precision != "float32":
        model.compute_dtype = getattr(torch, precision)
    if compiled:
        model.hidden_rows = torch.compile(model.hidden_rows)  # type: ignore[method-assign]

    def loss(batch: Batch, smoothing: float) -> tuple[Tensor, int]:
        return batch_loss(model, batch, smoothing).smoothed, batch.target_tokens

    return System(model, loss, shared=dist.is_initialized())


def cross_entropy(logits: Tensor, batch: Batch, pad_id: int, smoothing: float) -> Tensor:
    """Return PyTorch's own label-smoothed loss, padded positions ignored."""
    targets = torch.from_numpy(batch.target_output).flatten()
    return F.cross_entropy(
        logits.flatten(0, 1), targets, ignore_index=pad_id, label_smoothing=smoothing
    )


def marian(shape: Shape, precision: str, compiled: bool, attention: str = "sdpa") -> System:
    """Make the step of MarianMTModel under autocast; masks only where there is padding."""
    from transformers import MarianMTModel

    from clearhead.export.in_transformers import transformers_config

    config = shape.config()
    model = MarianMTModel._from_config(transformers_config(config), attn_implementation=attention)
    model.train()
    begin_alike(model, shape.d_model)
    forward = wrapped(model, compiled)

    def loss(batch: Batch, smoothing: float) -> tuple[Tensor, int]:
        source = torch.from_numpy(batch.source)
        mask = None if (source != config.pad_id).all() else source != config.pad_id
        with autocast(precision):
            logits = forward(
                input_ids=source,
                attention_mask=mask,
                decoder_input_ids=torch.from_numpy(batch.target_input),
                use_cache=False,
            ).logits
            return cross_entropy(logits, batch, config.pad_id, smoothing), 1

    return System(model, loss)


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


def torch_transformer(shape: Shape, precision: str, compiled: bool) -> System:
    """Make the step of torch.nn.Transformer under autocast."""
    model = TorchTransformer(shape).train()
    begin_alike(model, shape.d_model)
    forward = wrapped(model, compiled)

    def loss(batch: Batch, smoothing: float) -> tuple[Tensor, int]:
        source, target = torch.from_numpy(batch.source), torch.from_numpy(batch.target_input)
        with autocast(precision):
            return cross_entropy(forward(source, target), batch, model.pad_id, smoothing), 1

    return System(model, loss)


def makers(compiled: bool = False) -> dict[str, list[Callable[[Shape, str], System]]]:
    """Return each system's variants, of which the faster one in a warm-up is timed."""
    variants: dict[str, list[Callable[[Shape, str], System]]] = {
        OURS: [lambda shape, precision: clearhead(shape, precision, compiled)]
    }
    if installed("transformers"):
        variants[MARIAN] = [
            lambda shape, precision, kind=kind: marian(shape, precision, compiled, kind)
            for kind in ("sdpa", "eager")
        ]
    variants[TORCH] = [lambda shape, precision: torch_transformer(shape, precision, compiled)]
    return variants
