"""Cross-entropy with label smoothing, and its gradient, which is p - y.

    p = softmax(logits)
    y = (1 - smoothing) one_hot(label) + smoothing / vocab          (Szegedy et al. 2016)
    L = mean over all labels of -sum y log p
    dL/dlogits = (p - y) / number of labels

The logarithm undoes the exponential, and the Jacobian of softmax reduces to a difference: the
prediction minus the label.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...errors import ConfigError, ShapeError
from ...shapes import Array, Float
from ..settings import required_number
from ..softmax import log_softmax, softmax
from ..tracing.steps import loss as steps
from ..tracing.steps.stacks import PROBABILITIES
from ..tracing.trace import OFF
from ..tracing.watcher import Watcher


class CrossEntropy(NamedTuple):
    """A loss and its gradient.

    Attributes:
        loss: in nats per label.
        d_logits: the derivative of the loss with respect to each logit.
    """

    loss: float
    d_logits: Float[Array, "*lead vocab"]


def cross_entropy(
    logits: Array,
    labels: Array,
    *,
    label_mask: Array | None = None,
    label_smoothing: float = 0.0,
    trace: Watcher = OFF,
) -> CrossEntropy:
    """Return the mean cross-entropy of logits, and its gradient (p - y) / n.

    Args:
        logits: Float["*lead vocab"], such as ["batch length vocab"].
        labels: Int["*lead"], the right token id at each position.
        label_mask: Bool["*lead"], True where a label counts; None: everywhere.
        label_smoothing: the share of each label that is spread over the whole vocabulary.
        trace: records ``labels label_smoothing label_weights label_distribution losses loss
            d_logits``; before them ``logits`` and ``probabilities``, unless the caller has.

    Raises:
        ShapeError: the arrays do not fit together, a label is no token id, or none counts.
        ConfigError: ``label_smoothing`` is not between 0 and 1.
    """
    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    smoothing = required_number("label_smoothing", label_smoothing, least=0.0)
    if smoothing >= 1:
        raise ConfigError(f"label_smoothing must be below 1; it is {label_smoothing}.")
    counts = _checked_mask(logits, labels, label_mask)
    vocab = logits.shape[-1]

    if trace.enabled and not trace.visited("logits"):
        logits = trace.record(steps.LOGITS, logits)
    probabilities = softmax(logits)
    if trace.enabled and not trace.visited("probabilities"):
        probabilities = trace.record(PROBABILITIES, probabilities)

    labels = trace.record(steps.LABELS, labels)
    trace.record(steps.LABEL_SMOOTHING, np.array(smoothing))
    label_weights = trace.record(steps.LABEL_WEIGHTS, counts / counts.sum())
    one_hot = np.arange(vocab) == labels[..., None]
    distribution = (1 - smoothing) * one_hot + smoothing / vocab
    distribution = trace.record(steps.LABEL_DISTRIBUTION, distribution)

    losses = -(distribution * log_softmax(logits)).sum(axis=-1)
    losses = trace.record(steps.LOSSES[smoothing > 0], losses)
    loss = trace.record(steps.LOSS, np.asarray((losses * label_weights).sum()))
    d_logits = (probabilities - distribution) * label_weights[..., None]
    return CrossEntropy(float(loss), trace.record(steps.D_LOGITS, d_logits))


def _checked_mask(logits: Array, labels: Array, label_mask: Array | None) -> Float[Array, "*lead"]:
    """Return 1 where a label counts and 0 elsewhere, after checking the arrays."""
    if not logits.ndim or labels.shape != logits.shape[:-1] or labels.dtype.kind not in "iu":
        raise ShapeError(
            f"Labels are whole numbers, one for each row of logits [..., vocab]; they "
            f"are {labels.dtype} of the shape {labels.shape}, and the logits {logits.shape}."
        )
    counts = np.ones(labels.shape, dtype=bool) if label_mask is None else np.asarray(label_mask)
    if counts.dtype != bool or counts.shape != labels.shape:
        raise ShapeError(
            f"label_mask is boolean, one for each label, {labels.shape}; it holds {counts.dtype} "
            f"of the shape {counts.shape}."
        )
    if not counts.any():
        raise ShapeError("No label counts, so there is no loss to take the mean of.")
    wrong = labels[counts & ((labels < 0) | (labels >= logits.shape[-1]))]
    if wrong.size:
        raise ShapeError(
            f"There is the label {wrong[0]}; labels lie between 0 and {logits.shape[-1] - 1}, one "
            "for each logit."
        )
    return counts.astype(np.float64)
