"""Label-smoothed cross-entropy over a vocabulary, without keeping the logits.

The output projection and the loss are one operation. It processes the positions in chunks small
enough for the CPU's cache. The gradient of a softmax follows directly from its value, so the
gradients are computed in the forward pass, and no logits outlive their chunk.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from ..nn.soft_cap import soft_cap

CHUNK_POSITIONS = 1024
CACHED_ROWS = 32
# One more column makes a product a quarter slower; sixteen more hardly make it slower.
BIAS_COLUMNS = 16


class VocabularyLoss(NamedTuple):
    """Sums over positions, in nats.

    Attributes:
        smoothed: the label-smoothed loss, which training minimises.
        plain: the negative log-likelihood of the targets; exp(plain / positions) is perplexity.
    """

    smoothed: Tensor
    plain: Tensor


def _softmax_in_place(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Turn logits into probabilities, some rows at a time.

    So the float32 copies stay in the CPU's second-level cache.

    Returns:
        The targets' probabilities and every row's log-sum-exp, each [positions, 1].
    """
    precision = torch.promote_types(logits.dtype, torch.float32)
    column = targets[:, None]
    # One buffer for all rows: a new one each time would not be in the cache.
    buffer = logits.new_empty(min(CACHED_ROWS, len(targets)), logits.shape[1], dtype=precision)
    # Begins as the targets' logits: log-sum-exp = logit - log(probability), row by row.
    log_sum_exp = logits.gather(1, column).to(precision)
    at_target = torch.empty_like(log_sum_exp)
    for start in range(0, len(targets), CACHED_ROWS):
        rows = slice(start, start + CACHED_ROWS)
        exact = buffer[: len(targets[rows])].copy_(logits[rows])
        probabilities = torch.softmax(exact, dim=-1, out=exact)
        target_probabilities = probabilities.gather(1, column[rows])
        row_sums = log_sum_exp[rows] - target_probabilities.log()
        inexact = (target_probabilities < torch.finfo(precision).tiny).squeeze(1)
        if bool(inexact.any()):  # the logarithm of so small a probability is not exact
            again = logits[rows][inexact].to(precision)
            row_sums[inexact] = torch.logsumexp(again, dim=-1, keepdim=True)
        log_sum_exp[rows], at_target[rows] = row_sums, target_probabilities
        logits[rows] = probabilities
    return at_target, log_sum_exp


def _scaled(gradients: tuple[Tensor, Tensor], factor: Tensor) -> tuple[Tensor, Tensor]:
    """Return gradients times the loss's gradient; a factor of 1, as in training, costs no pass."""
    if factor.device.type == "cpu" and float(factor) == 1.0:
        return gradients
    return gradients[0] * factor, gradients[1] * factor


class _LinearCrossEntropy(torch.autograd.Function):
    """The loss and its gradients in one pass over chunks of positions.

    With V classes and smoothing s the target distribution is (1 - s) one_hot + s / V
    (Szegedy et al. 2016), so loss = lse - (1 - s) z_target - s mean(z) and
    gradient = softmax(z) - (1 - s) one_hot - s / V.

    The last term, s / V, is the same everywhere, a matrix of rank one. It enters each of the two
    products as a vector, without a pass over positions times vocabulary.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        precision = torch.promote_types(hidden.dtype, torch.float32)
        matrix, vocab = weight.to(hidden.dtype), weight.shape[0]
        # hidden @ mean_row is the mean of a position's logits, which smoothing needs.
        mean_row = matrix.mean(dim=0, dtype=precision)
        # The gradients and losses, summed over chunks, and one buffer for the logits of all chunks.
        hidden_grad = torch.empty_like(hidden)
        weight_grad = torch.zeros_like(weight, dtype=precision)
        smoothed, plain = hidden.new_zeros(2, dtype=precision).unbind()
        buffer = hidden.new_empty(min(CHUNK_POSITIONS, len(targets)), vocab)
        for start in range(0, len(targets), CHUNK_POSITIONS):
            part = slice(start, start + CHUNK_POSITIONS)
            inputs, column = hidden[part], targets[part, None]
            # Forward: the logits, which _softmax_in_place turns into probabilities.
            logits = torch.mm(inputs, matrix.T, out=buffer[: len(inputs)])
            target_logits = logits.gather(1, column).to(precision)
            at_target, log_sum_exp = _softmax_in_place(logits, targets[part])
            # The losses of the chunk.
            plain += (log_sum_exp - target_logits).sum()
            smoothed += (log_sum_exp - (1 - smoothing) * target_logits).sum()
            smoothed -= smoothing * (inputs.to(precision) @ mean_row).sum()
            # The gradient of the logits, softmax(z) - (1 - s) one_hot, in place of the softmax.
            # Not scatter_: on a CPU it copies the whole matrix before it changes one column.
            places = torch.arange(len(inputs), device=targets.device), targets[part]
            logits.index_put_(places, (at_target - (1 - smoothing)).squeeze(1).to(logits.dtype))
            # Backward through the product; the term - s / V enters as a vector.
            hidden_grad[part] = (logits @ matrix).sub_(smoothing * mean_row)
            weight_grad += logits.T @ inputs
            weight_grad -= smoothing / vocab * inputs.sum(dim=0, dtype=precision)
        ctx.save_for_backward(hidden_grad, weight_grad.to(weight.dtype))
        ctx.mark_non_differentiable(plain)
        return smoothed, plain

    @staticmethod
    def backward(
        ctx: Any, grad_smoothed: Tensor, _grad_plain: Tensor
    ) -> tuple[Tensor, Tensor, None, None]:
        return *_scaled(ctx.saved_tensors, grad_smoothed), None, None


class _CappedCrossEntropy(torch.autograd.Function):
    """The same for capped logits c tanh(u / c), where u are the logits before the cap c.

    With p = softmax(z), the gradient of u is (p - (1 - s) one_hot - s / V) (1 - tanh(u / c)^2),
    whose last term is no longer the same everywhere.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float, softcap: float
    ) -> tuple[Tensor, Tensor]:
        precision = torch.promote_types(hidden.dtype, torch.float32)
        matrix = weight.to(hidden.dtype)
        hidden_grad = torch.empty_like(hidden)
        weight_grad = torch.zeros_like(weight, dtype=precision)
        sums = hidden.new_zeros(2, dtype=precision)
        buffer = hidden.new_empty(min(CHUNK_POSITIONS, len(targets)), weight.shape[0])
        for start in range(0, len(targets), CHUNK_POSITIONS):
            part = slice(start, start + CHUNK_POSITIONS)
            inputs = hidden[part]
            logits = torch.mm(inputs, matrix.T, out=buffer[: len(inputs)])
            sums += _capped_gradients_in_place(logits, targets[part], smoothing, softcap)
            hidden_grad[part] = logits @ matrix
            weight_grad += logits.T @ inputs
        ctx.save_for_backward(hidden_grad, weight_grad.to(weight.dtype))
        smoothed, plain = sums.unbind()
        smoothed, plain = smoothed.clone(), plain.clone()
        ctx.mark_non_differentiable(plain)
        return smoothed, plain

    @staticmethod
    def backward(
        ctx: Any, grad_smoothed: Tensor, _grad_plain: Tensor
    ) -> tuple[Tensor, Tensor, None, None, None]:
        return *_scaled(ctx.saved_tensors, grad_smoothed), None, None, None


def _capped_gradients_in_place(
    logits: Tensor, targets: Tensor, smoothing: float, softcap: float
) -> Tensor:
    """Replace logits before the cap by their gradients; return the smoothed and plain loss sums.

    Some rows at a time, as in `_softmax_in_place`.
    """
    precision = torch.promote_types(logits.dtype, torch.float32)
    sums = logits.new_zeros(2, dtype=precision)
    for start in range(0, len(targets), CACHED_ROWS):
        rows = slice(start, start + CACHED_ROWS)
        column = targets[rows, None]
        bent = torch.tanh(logits[rows].to(precision) / softcap)
        gradient = torch.log_softmax(bent * softcap, dim=-1)  # log-probabilities until exp_ below
        target_sum = gradient.gather(1, column).sum()
        sums[0] -= (1 - smoothing) * target_sum + smoothing * gradient.mean(dim=-1).sum()
        sums[1] -= target_sum
        gradient.exp_().sub_(smoothing / logits.shape[1])
        gradient.scatter_add_(1, column, gradient.new_full(column.shape, smoothing - 1))
        logits[rows] = gradient.mul_(bent.square_().neg_().add_(1))
    return sums


def linear_cross_entropy(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    *,
    bias: Tensor | None = None,
    softcap: float | None = None,
    label_smoothing: float = 0.0,
) -> VocabularyLoss:
    """Return the cross-entropy of ``softmax(hidden @ weight.T + bias)``, summed over positions.

    Args:
        hidden: Float["positions d_model"], padded positions already left out.
        weight: the output matrix Float["vocab d_model"]; cast to the dtype of ``hidden``.
        targets: token ids Int["positions"].
        bias: of the logits, Float["vocab"]; None for none.
        softcap: bounds the logits smoothly to (-softcap, softcap); None leaves them.
        label_smoothing: share of the target's probability spread over the whole vocabulary.

    Gradients flow to ``hidden``, ``weight`` and ``bias`` from ``smoothed`` only.
    """
    if bias is not None:  # as a matrix column multiplied by 1, in a block of zero columns
        ones = hidden.new_ones(len(hidden), 1)
        hidden = torch.cat((hidden, F.pad(ones, (0, BIAS_COLUMNS - 1))), dim=1)
        weight = torch.cat((weight, F.pad(bias[:, None], (0, BIAS_COLUMNS - 1))), dim=1)
    if not torch.is_grad_enabled():
        return _loss_alone(hidden, weight, targets, label_smoothing, softcap)
    if softcap is None:
        return VocabularyLoss(*_LinearCrossEntropy.apply(hidden, weight, targets, label_smoothing))
    return VocabularyLoss(
        *_CappedCrossEntropy.apply(hidden, weight, targets, label_smoothing, softcap)
    )


def _loss_alone(
    hidden: Tensor, weight: Tensor, targets: Tensor, smoothing: float, softcap: float | None
) -> VocabularyLoss:
    """Return the loss without gradients, summed in float64."""
    matrix = weight.to(hidden.dtype)
    total = hidden.new_zeros(2, dtype=torch.float64)
    for start in range(0, len(targets), CHUNK_POSITIONS):
        part = slice(start, start + CHUNK_POSITIONS)
        losses = _chunk_losses(hidden[part], matrix, targets[part], smoothing, softcap)
        total[0] += losses.smoothed.double()
        total[1] += losses.plain.double()
    return VocabularyLoss(total[0], total[1])


def _chunk_losses(
    hidden: Tensor, matrix: Tensor, targets: Tensor, smoothing: float, softcap: float | None
) -> VocabularyLoss:
    """Return the summed losses of a few positions, from all their logits at once."""
    precision = torch.promote_types(hidden.dtype, torch.float32)
    logits = soft_cap((hidden @ matrix.T).to(precision), softcap)
    log_sum_exp = torch.logsumexp(logits, dim=-1)
    target_logits = logits.gather(1, targets[:, None]).squeeze(1)
    spread = (1 - smoothing) * target_logits + smoothing * logits.mean(dim=-1)
    return VocabularyLoss((log_sum_exp - spread).sum(), (log_sum_exp - target_logits).sum())
