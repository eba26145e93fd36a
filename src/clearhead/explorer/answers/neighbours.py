"""The nearest tokens to a given one, by the cosine of their rows of the embedding matrix."""

from __future__ import annotations

import numpy as np

from ...errors import ConfigError, ShapeError
from ...shapes import Array
from ..contract.meaning.neighbours import NeighboursAnswer
from ..contract.questions import NeighboursQuestion
from ..models.walked_model import WalkedModel

_ROWS = 4096  # rows compared at a time, so that no float64 copy of a vocabulary of 50,000 is made


def neighbours_answer(models: WalkedModel, question: NeighboursQuestion) -> NeighboursAnswer:
    """Answer ``neighbours`` by comparing a row with all others.

    Rows without a token, which only round up the vocabulary size, are left out, and so are zero
    rows, which have no direction.

    Raises:
        ConfigError: the model has no such embedding.
        ShapeError: there is no such token.
    """
    config = models.config
    layers = {"encoder": config.encoder_layers, "decoder": config.decoder_layers}
    if not layers[question.stack]:
        raise ConfigError(f"neighbours: this model has no {question.stack}.")
    table = f"{config.embedding_name('source' if question.stack == 'encoder' else 'target')}.weight"
    rows = models.reference.weights[table]
    size = min(len(rows), models.tokenizer.vocab_size)
    if question.token >= size:
        raise ShapeError(
            f"neighbours: token must be between 0 and {size - 1} here; it is {question.token}."
        )
    cosines = _cosines(rows[:size], question.token)
    candidates = np.flatnonzero(~np.isnan(cosines))
    others = candidates[candidates != question.token]
    order = others[np.argsort(-cosines[others], kind="stable")][: question.count]
    return {
        "token": models.token(question.token),
        "length": float(np.linalg.norm(rows[question.token].astype(np.float64))),
        "table": table,
        "nearest": [
            {"token": models.token(int(one)), "cosine": float(cosines[one])} for one in order
        ],
        "of": len(others),
    }


def _cosines(rows: Array, token: int) -> Array:
    """Return the cosine of each row with a token's row; NaN for a zero row.

    Args:
        rows: Float["vocab d_model"].
        token: the number of the row to compare with.
    """
    own = rows[token].astype(np.float64)
    result = np.empty(len(rows))
    with np.errstate(invalid="ignore", divide="ignore"):
        own /= np.linalg.norm(own)
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS].astype(np.float64)
            result[start : start + _ROWS] = some @ own / np.linalg.norm(some, axis=1)
    return result
