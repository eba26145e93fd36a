"""Decoding step by step: what search asks of a model.

No row depends on which rows are beside it, bit for bit: sources of one padded length are encoded
together and apart from others, the rows of a source attend to it together and apart from the rows
of others, and `clearhead.reference.products` sees to the rest. So a sentence has the same
translation, and the same score, in any batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..errors import ConfigError, ShapeError
from .cache import KeyValueCache
from .multi_head import Memory
from .padding import pad
from .softmax import log_softmax

if TYPE_CHECKING:
    from .transformer import Transformer

Array = np.ndarray[Any, Any]

_MULTIPLE = 4  # sources are padded to a multiple of this many tokens


class Decoding(Protocol):
    """The state of a batch: the prefixes so far, one a row."""

    def advance(self, tokens: Array, parents: Array) -> Array:
        """Lengthen prefixes by one token each.

        Args:
            tokens: Int["rows"], the token to append to each.
            parents: Int["rows"], the row of the previous call that each continues; in the first
                call the number of its source.

        Returns:
            log-probabilities of the next token, Float["rows vocab"].

        Raises:
            ShapeError: a prefix would pass max_length, or a parent or token does not exist.
        """
        ...


def begin(model: Transformer, sources: Sequence[Sequence[int]]) -> Decoding:
    """Encode sources and begin to decode them.

    Args:
        model: with a decoder. Without an encoder, ``sources`` are prompts to be continued, and
            the first tokens given to `Decoding.advance` follow them.
        sources: token ids of each source, without padding.

    Raises:
        ConfigError: the model has no decoder.
        ShapeError: a source is longer than max_length, or empty where there is an encoder.
    """
    if not model.decoder_layers:
        raise ConfigError("Decoding needs a decoder: this model's config says decoder_layers=0.")
    for number, source in enumerate(sources):
        if len(source) > model.config.max_length:
            raise ShapeError(
                f"Source {number} has {len(source)} tokens, and this model's max_length is "
                f"{model.config.max_length}. Split the text first."
            )
    if not model.encoder_layers:
        return _PromptDecoding(model, sources)
    for number, source in enumerate(sources):
        if not len(source):
            raise ShapeError(f"Source {number} is empty; a source has at least its end token.")
    return _SourceDecoding(model, len(sources), _encoded_groups(model, sources))


def greedy(
    model: Transformer, sources: Sequence[Sequence[int]], *, max_length: int | None = None
) -> list[list[int]]:
    """Take the likeliest token at each step, until the end token or ``max_length``.

    Args:
        model: with a decoder.
        sources: token ids of each source, end token included; prompts for a decoder-only model.
        max_length: the most tokens of a result; None means as many as the model can.

    Returns:
        the tokens of each result, without start and end token.
    """
    longest = 0 if model.encoder_layers else max(map(len, sources), default=0)
    room = model.config.max_length - longest
    max_length = room if max_length is None else min(max_length, room)
    results: list[list[int]] = [[] for _ in sources]
    going = np.arange(len(sources))
    parents, tokens = going, np.full(len(sources), model.config.start_id)
    decoding = model.begin(sources) if len(sources) else None
    for _ in range(max_length):
        if decoding is None or not going.size:
            break
        tokens = decoding.advance(tokens, parents).argmax(axis=-1)
        parents = np.flatnonzero(tokens != model.config.end_id)
        tokens, going = tokens[parents], going[parents]
        for row, token in zip(going.tolist(), tokens.tolist(), strict=True):
            results[row].append(token)
    return results


Groups = list[tuple[Array, list[Memory]]]


def _encoded_groups(model: Transformer, sources: Sequence[Sequence[int]]) -> Groups:
    """For the sources of each padded length: their numbers, and a memory for each layer."""
    by_length: dict[int, list[int]] = {}
    for number, source in enumerate(sources):
        padded = -(-len(source) // _MULTIPLE) * _MULTIPLE
        by_length.setdefault(min(padded, model.config.max_length), []).append(number)
    groups = []
    for length, numbers in sorted(by_length.items()):
        ids = pad([sources[number] for number in numbers], model.config.pad_id, length=length)
        memories = model.memories(model.encode(ids))
        groups.append((np.array(numbers), [_contiguous(layer[0]) for layer in memories]))
    return groups


def _contiguous(memory: Memory) -> Memory:
    # The views into a joint product that a layer makes are read at every step from here on.
    return memory._replace(
        key=np.ascontiguousarray(memory.key), value=np.ascontiguousarray(memory.value)
    )


def _new_cache(model: Transformer, rows: int) -> KeyValueCache:
    return KeyValueCache(
        layers=len(model.decoder_layers),
        rows=rows,
        kv_heads=model.config.key_value_heads,
        head_dim=model.config.head_dim,
        dtype=model.dtype,
        max_length=model.config.max_length,
    )


def _checked(tokens: Array, parents: Array, rows: int) -> tuple[Array, Array]:
    tokens, parents = np.asarray(tokens), np.asarray(parents)
    if tokens.ndim != 1 or tokens.shape != parents.shape:
        raise ShapeError(
            f"advance takes one token and one parent for each row; "
            f"got the shapes {tokens.shape} and {parents.shape}."
        )
    if parents.size and not (parents.min() >= 0 and parents.max() < rows):
        raise ShapeError(
            f"Parents must be rows of the previous call, between 0 and {rows - 1}; "
            f"they are {parents}."
        )
    return tokens, parents


class _SourceDecoding:
    """Decoding with an encoder's output to attend to."""

    def __init__(self, model: Transformer, sources: int, groups: Groups) -> None:
        self._model = model
        self._groups = groups
        self._count = sources
        self._sources = np.arange(sources)  # the source of each row
        self._cache = _new_cache(model, sources)
        self._memories: list[list[Memory]] | None = None

    def advance(self, tokens: Array, parents: Array) -> Array:
        """See `Decoding.advance`."""
        tokens, parents = _checked(tokens, parents, len(self._sources))
        sources = self._sources[parents]
        if self._memories is None or not np.array_equal(sources, self._sources):
            self._memories = self._gathered(sources)
        self._sources = sources
        self._cache.reorder(parents)
        model = self._model
        hidden = model.decode(tokens[:, None], memories=self._memories, cache=self._cache)
        return log_softmax(model.logits(hidden)[:, 0])

    def _gathered(self, sources: Array) -> list[list[Memory]]:
        """For each layer, the memories that the rows attend to.

        Sources of one padded length that have the same number of rows make one memory.
        """
        present, counts = np.unique(sources, return_counts=True)
        rows_by_source = np.argsort(sources, kind="stable")
        first_row = np.cumsum(counts) - counts
        in_order = bool((rows_by_source[1:] > rows_by_source[:-1]).all())
        layers: list[list[Memory]] = [[] for _ in self._model.decoder_layers]
        for numbers, memories in self._groups:
            place = np.full(self._count, -1)
            place[numbers] = np.arange(len(numbers))
            places = place[present]
            for count in np.unique(counts[places >= 0]).tolist():
                members = np.flatnonzero((places >= 0) & (counts == count))
                users = rows_by_source[first_row[members, None] + np.arange(count)]
                every = in_order and users.size == len(sources)
                for layer, memory in zip(layers, memories, strict=True):
                    layer.append(_chosen(memory, places[members], None if every else users))
        return layers


def _chosen(memory: Memory, places: Array, users: Array | None) -> Memory:
    """Some rows of a memory, without a copy where they are all, for other users."""
    if len(places) == len(memory.key) and (places == np.arange(len(places))).all():
        return memory._replace(users=users)
    mask = None if memory.mask is None else memory.mask[places]
    return Memory(memory.key[places], memory.value[places], mask, users)


class _PromptDecoding:
    """Decoding without an encoder: the prompts of each length have a cache of their own."""

    def __init__(self, model: Transformer, prompts: Sequence[Sequence[int]]) -> None:
        self._model = model
        lengths = np.array([len(prompt) for prompt in prompts], np.int64)
        # Which cache each row is in, and which row of it.
        self._cache_of = np.zeros(len(prompts), np.int64)
        self._row_in = np.zeros(len(prompts), np.int64)
        self._caches: list[KeyValueCache] = []
        for length in np.unique(lengths):
            numbers = np.flatnonzero(lengths == length)
            cache = _new_cache(model, len(numbers))
            if length:
                ids = np.array([prompts[number] for number in numbers.tolist()])
                model.decode(ids, cache=cache)
            self._cache_of[numbers] = len(self._caches)
            self._row_in[numbers] = np.arange(len(numbers))
            self._caches.append(cache)

    def advance(self, tokens: Array, parents: Array) -> Array:
        """See `Decoding.advance`."""
        tokens, parents = _checked(tokens, parents, len(self._cache_of))
        self._cache_of = self._cache_of[parents]
        old_rows, self._row_in = self._row_in[parents], np.empty(len(parents), np.int64)
        log_probabilities = np.empty((len(parents), self._model.vocab_size), self._model.dtype)
        for number, cache in enumerate(self._caches):
            rows = np.flatnonzero(self._cache_of == number)
            self._row_in[rows] = np.arange(len(rows))
            cache.reorder(old_rows[rows])
            if rows.size:
                hidden = self._model.decode(tokens[rows, None], cache=cache)
                log_probabilities[rows] = log_softmax(self._model.logits(hidden)[:, 0])
        return log_probabilities
