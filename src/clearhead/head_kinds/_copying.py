"""Whether a head copies the tokens that it reads, computed from its weights.

A kind tells where a head reads; this tells what it does with the token, so a head has both. With
rows as vectors, a head that attends to a token adds W_E W_V W_O W_U of it to the logits: a matrix
of [vocab, vocab], from the token that is read to the tokens that become likelier. Where it has
positive eigenvalues, tokens raise their own logits (Elhage et al. 2021, "A Mathematical Framework
for Transformer Circuits", section "Summarizing OV/QK matrices"). The score is

    sum of the eigenvalues / sum of their absolute values,

1 where all are positive and -1 where all are negative, as TransformerLens's demonstration of it
has it. The eigenvalues of A B that are not 0 are those of B A, so those of the small matrix
W_O W_U W_E W_V of [head_dim, head_dim] are enough, and the vocabulary is summed over once.

Norms before the attention, behind it and before the logits are folded into the matrices, and the
mean over tokens is taken from W_U, which a softmax does not see: what TransformerLens does when it
loads a model. Scores are about the weights: the same whatever is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..shapes import Array, Float

COPYING = 0.5
"""A head copies from this score on: three quarters of its eigenvalues, by their size, then stand
on the positive side. The bound is ours."""
# This many rows of a vocabulary are multiplied at once.
_ROWS = 8192


@dataclass(frozen=True, eq=False)
class CopyingScores:
    """How far each head copies what it reads into the logits, from -1 to 1.

    Attributes:
        scores: by the name of the attention.
        notes: which attentions have no score, and why.
    """

    scores: Mapping[str, Float[Array, "heads"]]
    notes: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        rows = [
            f"{name:40s}  " + " ".join(f"{score:+.2f}" for score in scores)
            for name, scores in self.scores.items()
        ]
        return "\n".join(["Copying scores", *rows, *(f"note: {note}" for note in self.notes)])


def copying_of(
    values: Float[Array, "heads d_model head_dim"],
    outputs: Float[Array, "heads head_dim d_model"],
    tokens: Float[Array, "d_model d_model"],
) -> Float[Array, "heads"]:
    """Return the copying score of each head; NaN where its matrices are zero.

    Args:
        values: W_V of each head: a vector of the stream times it is what the head moves.
        outputs: W_O of each head.
        tokens: W_U W_E, as `token_product` has it.
    """
    circuits = np.stack(
        [
            output.astype(np.float64) @ (tokens @ value)
            for value, output in zip(values, outputs, strict=True)
        ]
    )
    eigenvalues = np.linalg.eigvals(circuits)
    sizes = np.abs(eigenvalues).sum(-1)
    sums = eigenvalues.real.sum(-1)
    return np.where(sizes > 0, sums / np.where(sizes > 0, sizes, 1.0), np.nan)


def token_product(
    unembedding: Float[Array, "vocab d_model"], embedding: Float[Array, "vocab d_model"]
) -> Float[Array, "d_model d_model"]:
    """Return W_U W_E, the mean over tokens taken from W_U.

    Some tokens at a time are multiplied in the type of the weights, and summed in float64.

    Args:
        unembedding: the vector of each token that a logit is a product with.
        embedding: of the same tokens.
    """
    mean = unembedding.mean(0, dtype=np.float64)
    width, d_model = unembedding.shape[1], embedding.shape[1]
    product = np.zeros((width, d_model))
    for start in range(0, len(embedding), _ROWS):
        rows = slice(start, start + _ROWS)
        centred = (unembedding[rows] - mean).astype(unembedding.dtype)
        product += centred.T @ embedding[rows]
    return product
