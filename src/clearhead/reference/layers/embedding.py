"""From token ids, or images, to the input of the first layer.

embedded = norm(embedding[ids] * sqrt(d_model) + positions + token types)

of which a model may lack all but the first. Vectors of patches may replace that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from ...config import TransformerConfig
from ...errors import ConfigError, ShapeError
from ...shapes import Array, Float, Int
from ..positions import learned_positions, positions_without_padding, sinusoidal_positions
from ..products import PLAIN, Products
from ..tracing.steps import embedding as steps
from ..tracing.trace import OFF
from ..tracing.watcher import Watcher
from .growing_rows import GrowingRows
from .linear import weight_and_bias
from .norms import Norm
from .patches import Patches

STACK_OF = {"source": "encoder", "target": "decoder"}
"""The stack of layers that reads each side."""


class Embedding:
    """Embeds tokens or patches, with positions and types added, for source and target.

    Args:
        config: of the model.
        weights: of the whole model.
        products: how matrices are multiplied.
    """

    def __init__(
        self,
        config: TransformerConfig,
        weights: Mapping[str, Array],
        *,
        products: Products = PLAIN,
    ) -> None:
        self._config, self._weights = config, weights
        self._dtype = next(iter(weights.values())).dtype
        if config.positions == "sinusoidal":
            self._sinusoidal = GrowingRows(self._sinusoids)
        self._place: str | None = None  # the row of the first position in the table
        if config.positions in ("sinusoidal", "learned"):
            offset = "offset" if config.embedding.position_offset else "start"
            self._place = "without padding" if config.embedding.skip_padding else offset
        if config.reads_images:
            self._patches = Patches(config, weights, products=products)

    def __call__(
        self,
        ids: Int[Array, "batch length"],
        side: str,
        *,
        start: int = 0,
        token_types: Array | None = None,
        trace: Watcher = OFF,
        norm_trace: Watcher | None = None,
    ) -> Float[Array, "batch length d_model"]:
        """See `Transformer.embed`; ``norm_trace`` is of the norm alone, None: as ``trace`` says."""
        config = self._config
        self._check_ids(ids, side, start)
        ids = trace.record(steps.TOKENS, ids)

        # The row of each token, scaled where the config says so.
        matrix = config.embedding_name(side)
        x = self._weights[f"{matrix}.weight"].take(ids, axis=0)
        x = trace.record(steps.EMBEDDING[matrix], x)
        token = "embedding"
        if config.scale_embedding:
            x *= math.sqrt(config.d_model)
            x = trace.record(steps.SCALED_EMBEDDING, x)
            token = "scaled_embedding"

        # The vectors of positions and token types, where there are such.
        if self._place is not None:
            x = x + self._positions(ids.shape[1], ids, side, start, self._place, trace)
        types = self._types(ids, token_types, trace)
        if types is not None:
            x = x + types
        return self._finish(x, token, types is not None, side, trace, norm_trace)

    def of_images(
        self,
        pixels: Float[Array, "batch channels height width"],
        *,
        trace: Watcher = OFF,
        norm_trace: Watcher | None = None,
    ) -> Float[Array, "batch length d_model"]:
        """Return the vectors of the patches of images, with those of their positions.

        Raises:
            ShapeError: the images are of another size than the model's.
        """
        x = self._patches(pixels, trace=trace)
        if self._place is not None:
            x = x + self._positions(x.shape[1], None, "source", 0, self._place, trace)
        return self._finish(x, "embedding", False, "source", trace, norm_trace)

    def _finish(
        self,
        x: Float[Array, "batch length d_model"],
        token: str,
        types: bool,
        side: str,
        trace: Watcher,
        norm_trace: Watcher | None,
    ) -> Float[Array, "batch length d_model"]:
        """Record the sum, and apply the norm if the config has one.

        Args:
            x: the sum.
            token: the name of the step to which the rest was added.
            types: whether token types were.
            side, trace, norm_trace: as in `__call__`.
        """
        kind = (token, "start" if self._place == "offset" else self._place, types)
        if not self._config.embedding.norm:
            return trace.record(steps.EMBEDDED[kind], x)
        x = trace.record(steps.EMBEDDING_SUM[kind], x)
        return self._normed(x, side, trace, norm_trace)

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

    def _sinusoids(self, start: int, length: int) -> Float[Array, "length d_model"]:
        config, part = self._config, self._config.embedding
        table = sinusoidal_positions(
            length, config.d_model, start=start, layout=part.sinusoid, dtype=self._dtype
        )
        padding = part.position_offset - 1
        if part.skip_padding and start <= padding < start + length:
            table[padding - start] = 0.0
        return table

    def _positions(
        self,
        length: int,
        ids: Int[Array, "batch length"] | None,
        side: str,
        start: int,
        place: str,
        trace: Watcher,
    ) -> Float[Array, "... length d_model"]:
        """Return the vectors of the positions, counted in each text with padding left out.

        Args:
            length: how many there are.
            ids: of tokens; None of patches.
            side, start, place, trace: as in the other methods.
        """
        config, offset = self._config, self._config.embedding.position_offset
        table = "learned" if config.positions == "learned" else config.embedding.sinusoid
        if place == "without padding":
            assert ids is not None  # as the config is checked
            real = ids != config.pad_id
            rows = positions_without_padding(real, start=start, offset=offset)
            rows = trace.record(steps.POSITION_IDS, rows)
            vectors = self._rows(side, 0, int(rows.max(initial=0)) + 1)[rows]
        else:
            vectors = self._rows(side, start + offset, length)
        return trace.record(steps.POSITIONS[table, place], vectors)

    def _rows(self, side: str, start: int, length: int) -> Float[Array, "length d_model"]:
        """Return rows of the table of positions."""
        if self._config.positions == "sinusoidal":
            return self._sinusoidal(start, length)
        return learned_positions(self._weights[f"{side}_positions.weight"], length, start)

    def _types(
        self,
        ids: Int[Array, "batch length"],
        token_types: Array | None,
        trace: Watcher,
    ) -> Float[Array, "batch length d_model"] | None:
        """Return the vectors of the tokens' types, if the model has such; all of type 0 for None.

        Raises:
            ConfigError: there are types, and the model has none.
            ShapeError: they do not fit the tokens, or are no types of the model.
        """
        count = self._config.embedding.token_types
        if not count:
            if token_types is not None:
                raise ConfigError(
                    "This model has no token types: its config says embedding.token_types=0. "
                    "Leave token_types out."
                )
            return None
        types = np.zeros_like(ids) if token_types is None else np.asarray(token_types)
        if types.shape != ids.shape:
            raise ShapeError(
                f"token_types has the shape {types.shape}, and the tokens {ids.shape}: there is "
                "one type for each token."
            )
        if types.size and not (types.min() >= 0 and types.max() < count):
            raise ShapeError(
                f"Token types of this model lie between 0 and {count - 1}; "
                f"there are {sorted(set(types.ravel().tolist()))}."
            )
        types = trace.record(steps.TOKEN_TYPE_IDS, types)
        vectors = self._weights["token_types.weight"].take(types, axis=0)
        return trace.record(steps.TOKEN_TYPES, vectors)

    def _normed(
        self,
        x: Float[Array, "batch length d_model"],
        side: str,
        trace: Watcher,
        norm_trace: Watcher | None,
    ) -> Float[Array, "batch length d_model"]:
        """Apply the norm to the sum of the vectors."""
        name = f"{side}_embedding_norm"
        norm = Norm(self._config, *weight_and_bias(self._weights, name))
        scope = trace.at(name) if norm_trace is None else norm_trace.at(name)
        of = "embedding_sum" if norm_trace is None else f"{STACK_OF[side]}.embedding_sum"
        x = norm(x, trace=scope, of=(of,))
        return trace.record(steps.NORMED_EMBEDDING, x, of=(f"{name}.output",))
