"""Label-smoothed cross-entropy over a vocabulary, without keeping the logits.

The output projection and the loss are one operation. It goes through the positions in chunks
small enough for the processor's cache and, since the gradient of a softmax is known as soon as
its value is, computes the gradients in the forward pass: no logits outlive their chunk.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

CHUNK_POSITIONS = 512


class VocabularyLoss(NamedTuple):
    """Sums over positions, in nats.

    Attributes:
        smoothed: what training minimises.
        plain: the negative log-likelihood of the targets; exp(plain / positions) is perplexity.
    """

    smoothed: Tensor
    plain: Tensor


def _chunk_loss(logits: Tensor, targets: Tensor, smoothing: float) -> tuple[Tensor, Tensor, Tensor]:
    """Smoothed and plain loss of one chunk, and the gradient with respect to its logits.

    With V classes and smoothing s the target distribution is (1 - s) one_hot + s / V
    (Szegedy et al. 2016), so loss = lse - (1 - s) z_target - s mean(z) and
    gradient = softmax(z) - (1 - s) one_hot - s / V.
    """
    precision = torch.promote_types(logits.dtype, torch.float32)
    probabilities = torch.softmax(logits, dim=-1, dtype=precision)
    target_column = targets[:, None]
    target_logits = logits.gather(1, target_column).to(precision)
    target_probabilities = probabilities.gather(1, target_column)
    log_sum_exp = target_logits - target_probabilities.log()
    lost = (target_probabilities < torch.finfo(precision).tiny).squeeze(1)
    if bool(lost.any()):  # a probability too small for its logarithm to be exact, or to exist
        log_sum_exp[lost] = torch.logsumexp(logits[lost].to(precision), dim=-1, keepdim=True)
    plain = (log_sum_exp - target_logits).sum()
    smoothed = plain
    if smoothing:
        mean_logits = logits.mean(dim=-1, keepdim=True, dtype=precision)
        smoothed = (log_sum_exp - (1 - smoothing) * target_logits - smoothing * mean_logits).sum()
        probabilities -= smoothing / logits.shape[-1]
    at_target = target_probabilities - (1 - smoothing) - smoothing / logits.shape[-1]
    probabilities.scatter_(1, target_column, at_target)
    return smoothed, plain, probabilities


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, hidden, weight, targets, smoothing):  # type: ignore[override]
        matrix = weight.to(hidden.dtype)
        hidden_grad = torch.empty_like(hidden)
        precision = torch.promote_types(hidden.dtype, torch.float32)
        weight_grad = torch.zeros_like(weight, dtype=precision)
        smoothed, plain = hidden.new_zeros(2, dtype=precision).unbind()
        for start in range(0, len(targets), CHUNK_POSITIONS):
            part = slice(start, start + CHUNK_POSITIONS)
            logits = hidden[part] @ matrix.T
            chunk_smoothed, chunk_plain, gradient = _chunk_loss(logits, targets[part], smoothing)
            smoothed += chunk_smoothed
            plain += chunk_plain
            gradient = gradient.to(hidden.dtype)
            hidden_grad[part] = gradient @ matrix
            weight_grad += gradient.T @ hidden[part]
        ctx.save_for_backward(hidden_grad, weight_grad.to(weight.dtype))
        ctx.mark_non_differentiable(plain)
        return smoothed, plain

    @staticmethod
    def backward(ctx, grad_smoothed, _grad_plain):  # type: ignore[override]
        hidden_grad, weight_grad = ctx.saved_tensors
        return hidden_grad * grad_smoothed, weight_grad * grad_smoothed, None, None


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, targets: Tensor, *, label_smoothing: float = 0.0
) -> VocabularyLoss:
    """Cross-entropy of ``softmax(hidden @ weight.T)`` against the targets, summed.

    Args:
        hidden: [positions, d_model], padded positions already left out.
        weight: the output matrix [vocab, d_model]; cast to the dtype of ``hidden``.
        targets: token ids [positions].
        label_smoothing: share of the target's probability spread over the whole vocabulary.

    Gradients flow to ``hidden`` and ``weight`` from ``smoothed`` only.
    """
    if not torch.is_grad_enabled():
        return _loss_alone(hidden, weight, targets, label_smoothing)
    return VocabularyLoss(*_LinearCrossEntropy.apply(hidden, weight, targets, label_smoothing))


def _loss_alone(
    hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float
) -> VocabularyLoss:
    matrix = weight.to(hidden.dtype)
    total = hidden.new_zeros(2, dtype=torch.float64)
    for start in range(0, len(targets), CHUNK_POSITIONS):
        part = slice(start, start + CHUNK_POSITIONS)
        losses = _chunk_loss(hidden[part] @ matrix.T, targets[part], smoothing)
        total += torch.stack(losses[:2]).double()
    return VocabularyLoss(total[0], total[1])
