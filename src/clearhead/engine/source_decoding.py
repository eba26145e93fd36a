"""Decoding of a model with an encoder, to whose output the rows attend."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..reference.softmax import log_softmax, log_softmax_in_place
from ..reference.tracing.trace import OFF
from ..reference.tracing.watcher import Watcher
from ..reference.transformer import Transformer
from ..shapes import Array, Float
from .cache import KeyValueCache
from .memories import SharedMemory, encode_sources, share_sources
from .parents import check_parents, goes_on
from .protocols import Watch
from .step import DecoderStep


class SourceDecoding:
    """A `clearhead.engine.protocols.Decoding` of sources that an encoder has read.

    Args:
        model: with an encoder and a decoder.
        sources: token ids of each, without padding.
        watch: returns the watcher of the encoder, and of each step.
        step: of the model, for unwatched steps; None lets the layers compute them, too.
    """

    def __init__(
        self,
        model: Transformer,
        sources: Sequence[Sequence[int]],
        watch: Watch,
        step: DecoderStep | None = None,
    ) -> None:
        self._model, self._step = model, step
        self._watch = watch
        self._groups = encode_sources(model, sources, watch(None))
        self._sources = np.arange(len(sources))  # the source of each row
        self.cache = KeyValueCache.of(model, len(sources))
        self._memories: list[SharedMemory] | None = None

    def advance(self, tokens: Array, parents: Array) -> Float[Array, "rows vocab"]:
        """See `clearhead.engine.protocols.Decoding.advance`."""
        watcher = self._watch(self.cache.length)
        logits = self._logits(tokens, parents, watcher)
        # A watcher may have noted the logits, and half precision is computed in single.
        if watcher.enabled or logits.dtype.char == "e":
            return log_softmax(logits)
        return log_softmax_in_place(logits)

    def advance_logits(self, tokens: Array, parents: Array) -> Float[Array, "rows vocab"]:
        """See `clearhead.engine.protocols.LogitsDecoding.advance_logits`."""
        return self._logits(tokens, parents, self._watch(self.cache.length))

    def _logits(
        self, tokens: Array, parents: Array, watcher: Watcher
    ) -> Float[Array, "rows vocab"]:
        hidden = self.hidden(tokens, parents, trace=watcher)
        return self._model.logits(hidden, trace=watcher)[:, 0]

    def hidden(
        self, tokens: Array, parents: Array, *, trace: Watcher = OFF
    ) -> Float[Array, "rows 1 d_model"]:
        """Do what `advance` does, and return the hidden states before the output matrix."""
        tokens, parents = check_parents(tokens, parents, len(self._sources))
        if self._memories is None or not goes_on(parents, len(self._sources)):
            sources = self._sources[parents]
            if self._memories is None or not np.array_equal(sources, self._sources):
                self._memories = share_sources(self._groups, sources)
            self._sources = sources
            self.cache.reorder(parents)
        if self._step is not None and len(tokens) and not trace.enabled:
            return self._step(tokens, self._memories, self.cache)
        return self._model.decode(
            tokens[:, None], memories=self._memories, cache=self.cache, trace=trace
        )
