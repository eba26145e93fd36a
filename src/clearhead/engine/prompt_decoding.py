"""Decoding of a model without an encoder, which continues prompts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..reference.softmax import log_softmax
from ..reference.transformer import Transformer
from ..shapes import Array, Float, Int
from .cache import KeyValueCache
from .parents import check_parents
from .protocols import Watch


class PromptDecoding:
    """A `clearhead.engine.protocols.Decoding` of prompts; prompts of equal length share a cache.

    Args:
        model: with a decoder alone.
        prompts: token ids of each, without padding.
        watch: returns the watcher of the prompts, and of each step.
    """

    def __init__(self, model: Transformer, prompts: Sequence[Sequence[int]], watch: Watch) -> None:
        self._model = model
        self._watch = watch
        # Which cache each row is in, and which row of it.
        self._cache_of = np.zeros(len(prompts), np.int64)
        self._row_in = np.zeros(len(prompts), np.int64)
        self._caches: list[KeyValueCache] = []
        lengths = np.array([len(prompt) for prompt in prompts], np.int64)
        for length in np.unique(lengths):
            numbers = np.flatnonzero(lengths == length)
            cache = KeyValueCache.of(model, len(numbers))
            if length:
                ids = np.array([prompts[number] for number in numbers.tolist()])
                model.decode(ids, cache=cache, trace=watch(None))
            self._cache_of[numbers] = len(self._caches)
            self._row_in[numbers] = np.arange(len(numbers))
            self._caches.append(cache)

    def advance(self, tokens: Array, parents: Array) -> Float[Array, "rows vocab"]:
        """See `clearhead.engine.protocols.Decoding.advance`."""
        return log_softmax(self.advance_logits(tokens, parents))

    def advance_logits(self, tokens: Array, parents: Array) -> Float[Array, "rows vocab"]:
        """See `clearhead.engine.protocols.LogitsDecoding.advance_logits`."""
        tokens, parents = check_parents(tokens, parents, len(self._cache_of))
        self._cache_of = self._cache_of[parents]
        old_rows, self._row_in = self._row_in[parents], np.empty(len(parents), np.int64)
        logits = np.empty((len(parents), self._model.vocab_size), self._model.dtype)
        for number, cache in enumerate(self._caches):
            rows = np.flatnonzero(self._cache_of == number)
            self._row_in[rows] = np.arange(len(rows))
            cache.reorder(old_rows[rows])
            if rows.size:
                logits[rows] = self._step(tokens[rows], cache)
        return logits

    def _step(self, tokens: Int[Array, "rows"], cache: KeyValueCache) -> Float[Array, "rows vocab"]:
        """Append a token to each row of one cache, and return the logits."""
        watcher = self._watch(cache.length)
        hidden = self._model.decode(tokens[:, None], cache=cache, trace=watcher)
        return self._model.logits(hidden, trace=watcher)[:, 0]
