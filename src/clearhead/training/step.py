"""The arithmetic of a training step: the loss of a batch, and the update of the weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..nn.transformer import Transformer
from ..text.batches import Batch
from .loss import VocabularyLoss, linear_cross_entropy
from .processes.sharding import end_of_pass, own_part, whole
from .schedule import learning_rate
from .settings import TrainingSettings

_PROBE_ROWS = 8
_CLIP_EPSILON = 1e-6  # of clip_grad_norm_
_SPOILT = 50.0  # times the loss of guessing: training never recovers from there


class NotFiniteError(ArithmeticError):
    """A loss or a gradient is not a finite number; the message says which."""


def batch_loss(model: Transformer, batch: Batch, label_smoothing: float) -> VocabularyLoss:
    """Return the summed losses over the targets of a batch, without its padding."""
    source, target = _ids(model, batch)
    targets = torch.from_numpy(batch.target_output).to(model.output_matrix.device)
    real = targets != batch.padding
    if target is None:
        hidden = model.hidden(source, None)[:, : targets.shape[1]].flatten(0, 1)
    else:
        hidden = model.hidden_rows(source, target, real)
    return linear_cross_entropy(
        model.before_output(hidden),
        model.output_matrix,
        targets[real],
        bias=model.output.bias,
        softcap=model.config.output.softcap,
        label_smoothing=label_smoothing,
    )


def predicting(model: Transformer, batch: Batch) -> Tensor:
    """Return the hidden vectors to predict from, Float["batch target_len d_model"].

    These are the decoder's. An encoder without a decoder has those of the first positions: it
    predicts a label at the start token.
    """
    source, target = _ids(model, batch)
    hidden: Tensor = model.hidden(source, target)
    return hidden[:, : batch.target_output.shape[1]] if target is None else hidden


def _ids(model: Transformer, batch: Batch) -> tuple[Tensor | None, Tensor | None]:
    """Return the input ids of encoder and decoder; None for the one that a model lacks."""
    device = model.output_matrix.device
    source, target = (
        torch.from_numpy(ids).to(device) if ids.shape[1] else None
        for ids in (batch.source, batch.target_input)
    )
    return source, target


@torch.no_grad()
def count_right(model: Transformer, batch: Batch) -> int:
    """Return for how many targets of a batch the likeliest prediction is correct.

    The model stays in its current mode, training or evaluation.
    """
    likeliest = model.logits(predicting(model, batch)).argmax(dim=-1).cpu()
    return int((likeliest == torch.from_numpy(batch.target_output)).sum())


def learning_rate_of(step: int, options: TrainingSettings) -> float:
    """Return the learning rate of a step (counted from 1) in a run with these settings."""
    return learning_rate(
        step,
        schedule=options.schedule,
        peak=options.learning_rate,
        warmup=options.warmup_steps,
        last=options.max_steps,
        decay=options.decay_steps,
    )


def unfit(model: Transformer, batch: Batch) -> str | None:
    """Return why training could not continue from a model's weights; None if it can.

    The loss and gradient of a few pairs of the batch are checked, without dropout. The gradients
    are cleared afterwards.
    """
    few = batch.first(_PROBE_ROWS)
    model.eval()
    loss = batch_loss(model, few, 0.0)
    loss.smoothed.backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    finite = all(bool(torch.isfinite(own_part(gradient)).all()) for gradient in gradients)
    model.zero_grad(set_to_none=True)
    end_of_pass(model)
    nats, guess = float(loss.plain) / few.target_tokens, math.log(model.config.output_size)
    if not math.isfinite(nats):
        return "the loss is not a finite number"
    if nats > _SPOILT * guess:
        return f"the loss is {nats:.4g} nats a token, where mere guessing gives {guess:.1f}"
    return None if finite else "the gradient is not a finite number"


def _update(
    optimizer: torch.optim.Optimizer, gradients: list[Tensor], divisor: Tensor | float
) -> None:
    """Divide the gradients and update the weights; a fused optimizer does both in one pass."""
    is_divided = own_part(gradients[0]) is not gradients[0]
    if not optimizer.defaults.get("fused") or is_divided:
        torch._foreach_div_(gradients, float(divisor))
        optimizer.step()
        return
    divisor = torch.as_tensor(divisor, dtype=torch.float32, device=gradients[0].device)
    optimizer.grad_scale, optimizer.found_inf = divisor, torch.zeros_like(divisor)  # type: ignore[attr-defined]
    try:
        optimizer.step()
    finally:
        del optimizer.grad_scale, optimizer.found_inf  # type: ignore[attr-defined]


def clip_and_update(
    optimizer: torch.optim.Optimizer,
    loss: Tensor,
    *,
    learning_rate: float,
    clip_norm: float,
    tokens: int = 1,
) -> float:
    """Make one update from the parameters' gradients, and clear them.

    Args:
        optimizer: of the parameters, whose gradients are sums over the tokens.
        loss: of this step; only checked to be finite.
        learning_rate: of this step.
        clip_norm: gradients are scaled down to this norm (Pascanu et al. 2013); 0 leaves them.
        tokens: the divisor of the summed gradients.

    Returns:
        The norm of the gradient, before clipping.

    Raises:
        NotFiniteError: the loss or the gradient is not a finite number; no weight has changed.
    """
    gradients = [
        parameter.grad
        for group in optimizer.param_groups
        for parameter in group["params"]
        if parameter.grad is not None
    ]
    norms = torch.stack(torch._foreach_norm(gradients))
    norm = whole(torch.linalg.vector_norm(norms)) / tokens
    for what, value in (("loss", loss), ("gradient", norm)):
        if not bool(torch.isfinite(value)):
            raise NotFiniteError(what)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    # The scale of PyTorch's clip_grad_norm_ and the division of the sums, combined.
    excess = ((norm + _CLIP_EPSILON) / clip_norm).clamp(min=1.0) if clip_norm else 1.0
    _update(optimizer, gradients, tokens * excess)
    optimizer.zero_grad(set_to_none=True)
    return float(norm)
