"""The engine that translates: the readable reference itself, with the engine's parts plugged in.

The code that runs is the code that is read: the layers of `clearhead.reference`. The engine gives
them their products (`clearhead.engine.products`), the keys and values of earlier positions
(`clearhead.engine.cache`), and the sources that the rows of a beam attend to
(`clearhead.engine.memories`). A step of decoding that nobody watches is `clearhead.engine.step`:
the operations of the layers in the same order, in fewer calls and with the same bits. With the
products of `INDEPENDENT_ROWS` no row depends on which rows are beside it, bit for bit, so a
sentence has the same translation, and the same score, in any batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..config import TransformerConfig
from ..errors import ConfigError, ShapeError
from ..reference.products import Products
from ..reference.tracing.editing import watcher_of
from ..reference.tracing.watcher import Watcher
from ..reference.transformer import Transformer
from ..shapes import Array
from .products import INDEPENDENT_ROWS
from .prompt_decoding import PromptDecoding
from .protocols import Decoding, Watch
from .source_decoding import SourceDecoding
from .step import DecoderStep


class ReferenceEngine:
    """Decodes with a Transformer of the reference: a `clearhead.engine.protocols.Engine`.

    Args:
        model: with a decoder. Rows are independent of each other where its products are
            `clearhead.engine.products.INDEPENDENT_ROWS`, as `build` makes it.
        watch: returns the watcher of a pass. It is called with None for the pass over the source or
            prompt, in which queries are rows, and with the position of the new tokens for each
            step. A watched engine decodes one source at a time. None means no watcher.
    """

    def __init__(self, model: Transformer, *, watch: Watch | None = None) -> None:
        self.model = model
        self._watch = watch
        self._step = DecoderStep.of(model)

    @classmethod
    def build(
        cls,
        config: TransformerConfig,
        weights: Mapping[str, Array],
        *,
        dtype: Any = np.float32,
        products: Products = INDEPENDENT_ROWS,
    ) -> ReferenceEngine:
        """Build the model of a config and weights.

        Args:
            config: of the model.
            weights: arrays by name, as docs/formats.md names them.
            dtype: to compute in. Weights of this dtype are not copied before they are multiplied.
            products: how matrices are multiplied. `INDEPENDENT_ROWS` copies each weight and
                keeps rows independent of each other; `clearhead.engine.in_place.IN_PLACE`
                copies none and promises no independence.

        Raises:
            ConfigError: weights are missing or unexpected; the message lists them.
            ShapeError: weights have wrong shapes; the message lists them.
        """
        return cls(Transformer(config, weights, dtype=dtype, products=products))

    @property
    def is_watched(self) -> bool:
        """Whether a watcher sees each pass."""
        return self._watch is not None

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        return self.model.vocab_size

    def begin(self, sources: Sequence[Sequence[int]]) -> Decoding:
        """Encode sources and begin to decode them.

        Args:
            sources: token ids of each source, without padding. For a model without an encoder
                they are prompts to be continued, and the first tokens given to
                `Decoding.advance` follow them.

        Raises:
            ConfigError: the model has no decoder.
            ShapeError: a source is longer than max_length, or empty where there is an encoder, or
                there are several and the engine is watched.
        """
        self._check(sources)
        watch = self._watch or self._editor
        if self.model.encoder_layers:
            return SourceDecoding(self.model, sources, watch, self._step)
        return PromptDecoding(self.model, sources, watch)

    def _check(self, sources: Sequence[Sequence[int]]) -> None:
        config = self.model.config
        if not config.decoder_layers:
            raise ConfigError(
                "Decoding needs a decoder: this model's config says decoder_layers=0."
            )
        if self._watch is not None and len(sources) != 1:
            # Sources of different lengths are encoded one after the other, and a watcher could not
            # tell them apart.
            raise ShapeError(
                f"A watched engine decodes one source at a time; {len(sources)} came. Begin each "
                f"by itself."
            )
        for number, source in enumerate(sources):
            if len(source) > config.max_length:
                raise ShapeError(
                    f"Source {number} has {len(source)} tokens, and this model's max_length is "
                    f"{config.max_length}. Split the text first."
                )
            if config.encoder_layers and not len(source):
                raise ShapeError(f"Source {number} is empty; a source has at least its end token.")

    def _editor(self, position: int | None) -> Watcher:
        """Return the editor of a pass if `clearhead.intervene` is active, else `OFF`."""
        return watcher_of(self.model, start=position)
