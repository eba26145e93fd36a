"""Runs one text in several rows of a batch, each with its own changes by an editor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...config import TransformerConfig
from ...reference.layers.multi_head import KeysAndValues
from ...reference.softmax import log_softmax
from ...reference.tracing.watcher import Watcher
from ...reference.transformer import Transformer
from ...shapes import Array, Float
from .encoding import encode

MOST_NUMBERS = 2**22  # entries of the widest array of a batch: 32 MB in float64


def batches(count: int, config: TransformerConfig, heads: int, longest: int) -> Iterator[slice]:
    """Yield the rows to compute together, as many as the memory limit allows.

    Args:
        count: the number of all rows.
        config: of the model.
        heads: the largest number of heads of an attention.
        longest: the number of tokens in a row.
    """
    width = max(config.feed_forward_dim, config.d_model, heads * longest)
    some = max(1, MOST_NUMBERS // (longest * width))
    for start in range(0, count, some):
        yield slice(start, min(start + some, count))


def hidden_rows(
    model: Transformer,
    source: Sequence[int],
    target: Sequence[int],
    watcher: Watcher,
    rows: int,
    memories: Sequence[KeysAndValues] | None = None,
) -> Float[Array, "rows positions d_model"]:
    """Return the last vectors of several rows of one text.

    Args:
        model: computes the vectors.
        source: the encoder's input; empty without an encoder.
        target: the decoder's input; empty without a decoder.
        watcher: changes each row.
        rows: the number of rows.
        memories: of one row, if the changes do not reach the encoder; else each row is encoded.
    """
    if not model.config.decoder_layers:
        return encode(model, np.array([source] * rows), watcher).output
    targets = np.array([target] * rows)
    if not model.config.encoder_layers:
        return model.decode(targets, trace=watcher)
    if memories is None:
        of_rows = memories_of(model, source, watcher, rows)
    else:
        of_rows = [_repeat(memory, rows) for memory in memories]
    return model.decode(targets, memories=of_rows, trace=watcher)


def memories_of(
    model: Transformer, source: Sequence[int], watcher: Watcher, rows: int = 1
) -> list[KeysAndValues]:
    """Encode a source in several rows, and project it for each decoder layer."""
    encoded = model.encode(np.array([source] * rows), trace=watcher)
    return model.memories(encoded, trace=watcher)


def _repeat(memory: KeysAndValues, rows: int) -> KeysAndValues:
    """Repeat the memory of one source for several rows, without copies."""
    return memory._replace(
        key=np.broadcast_to(memory.key, (rows, *memory.key.shape[1:])),
        value=np.broadcast_to(memory.value, (rows, *memory.value.shape[1:])),
    )


def word_log_probabilities(
    model: Transformer,
    hidden: Float[Array, "rows positions d_model"],
    places: Sequence[int],
    words: Sequence[int],
    watcher: Watcher,
) -> Float[Array, "rows places"]:
    """Return the log-probability of the words after some positions, in each row.

    Args:
        model: computes the logits.
        hidden: its last vectors.
        places: the positions.
        words: token ids, one for each place.
        watcher: changes each row.
    """
    # The vocabulary is by far the widest axis, so the number of rows at a time is limited by
    # memory.
    some = max(1, MOST_NUMBERS // (len(places) * model.config.vocab_size))
    return np.concatenate(
        [
            log_softmax(model.logits(rows[:, places], trace=watcher))[
                :, np.arange(len(places)), words
            ]
            for rows in np.split(hidden, range(some, len(hidden), some))
        ]
    )
