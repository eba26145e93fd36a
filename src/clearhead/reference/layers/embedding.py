"""From token ids to the vectors that the first layer reads.

embedded = embedding[ids] * sqrt(d_model) + positions
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ...config import TransformerConfig
from ...errors import ShapeError
from ...shapes import Array, Float, Int
from ..positions import learned_positions, sinusoidal_positions
from ..tracing.steps import stacks as steps
from ..tracing.trace import OFF
from ..tracing.watcher import Watcher


class Embedding:
    """Token vectors with their positions, for source and target.

    Args:
        config: of the model.
        weights: of the whole model.
    """

    def __init__(self, config: TransformerConfig, weights: Mapping[str, Array]) -> None:
        self._config, self._weights = config, weights
        if config.positions == "sinusoidal":
            dtype = next(iter(weights.values())).dtype
            self._sinusoidal = sinusoidal_positions(config.max_length, config.d_model, dtype=dtype)

    def __call__(
        self, ids: Int[Array, "batch length"], side: str, *, start: int = 0, trace: Watcher = OFF
    ) -> Float[Array, "batch length d_model"]:
        """See `Transformer.embed`."""
        config = self._config
        self._check_ids(ids, side, start)
        ids = trace.record(steps.TOKENS, ids)

        # The row of each token, scaled where the config says so.
        matrix = "embedding" if config.tied_embeddings else f"{side}_embedding"
        x = self._weights[f"{matrix}.weight"].take(ids, axis=0)
        x = trace.record(steps.EMBEDDING[matrix], x)
        token = "embedding"
        if config.scale_embedding:
            x *= math.sqrt(config.d_model)
            x = trace.record(steps.SCALED_EMBEDDING, x)
            token = "scaled_embedding"

        # The vectors of the positions, where there are such.
        vectors = self._position_vectors(side, start, ids.shape[1])
        if vectors is not None:
            x = x + trace.record(steps.POSITIONS[config.positions], vectors)
        return trace.record(steps.EMBEDDED[token, vectors is not None], x)

    def _check_ids(self, ids: Int[Array, "batch length"], side: str, start: int) -> None:
        config = self._config
        end = start + ids.shape[1]
        if end > config.max_length:
            raise ShapeError(
                f"A {side} of {end} tokens is longer than this model's max_length of "
                f"{config.max_length}. Split the text, or use a model with a larger one."
            )
        if ids.size and (ids.min() < 0 or ids.max() >= config.vocab_size):
            wrong = ids[(ids < 0) | (ids >= config.vocab_size)][0]
            raise ShapeError(
                f"The {side} has the token id {wrong}; ids of this model lie between 0 and "
                f"{config.vocab_size - 1}. Is it the tokenizer that belongs to the model?"
            )

    def _position_vectors(
        self, side: str, start: int, length: int
    ) -> Float[Array, "length d_model"] | None:
        """Return the vectors that are added to those of the tokens, if there are such."""
        if self._config.positions == "sinusoidal":
            return self._sinusoidal[start : start + length]
        if self._config.positions == "learned":
            return learned_positions(self._weights[f"{side}_positions.weight"], length, start)
        return None
