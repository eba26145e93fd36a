"""The encoded sources that the rows of a batch attend to, shared by the rows of a beam.

Sources of one padded length are encoded together, separately from others. The rows of a source
attend to it together, separately from the rows of others, so no row depends on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..reference.layers.multi_head import KeysAndValues
from ..reference.padding import pad
from ..reference.tracing.watcher import Watcher
from ..reference.transformer import Transformer
from ..shapes import Array, Bool, Float, Int

_MULTIPLE = 4  # sources are padded to a multiple of this many tokens


@dataclass(frozen=True, eq=False)
class SourceGroup:
    """The sources of one padded length, encoded.

    Attributes:
        rows: the row of each source of the batch in this group; -1 for the sources of other
            groups.
        memories: keys and values of the group's sources, for each decoder layer.
    """

    rows: Int[Array, "sources"]
    memories: list[KeysAndValues]


@dataclass(frozen=True, eq=False)
class Share:
    """Some sources, and the rows of the batch that attend to them.

    Attributes:
        memory: keys and values of the sources.
        users: the rows of the batch that attend to each source, the same number for each; None for
            all rows of the batch, in order.
    """

    memory: KeysAndValues
    users: Int[Array, "sources users"] | None

    @cached_property
    def hidden(self) -> Bool[Array, "sources 1 1 source_len"] | None:
        """Return where the sources have padding; None where none of them has any."""
        mask = self.memory.mask
        return None if mask is None or mask.all() else ~mask


@dataclass(frozen=True, eq=False)
class SharedMemory:
    """The memory of all rows of a batch in one layer: a ``Memory`` of `clearhead.reference`."""

    shares: list[Share]

    def attend(
        self,
        query: Float[Array, "rows heads 1 head_dim"],
        attention: Callable[..., tuple[Array, Array]],
    ) -> Float[Array, "rows heads 1 head_dim"]:
        """Return what each row reads from its source.

        Rows that attend to the same keys are treated as positions of one row: their products become
        one, and keys are not copied for each.

        Args:
            query: of one position in each row.
            attention: `clearhead.reference.attention.attention`, as the layer computes it.
        """
        positions = query.swapaxes(1, 2)  # Float["rows 1 heads head_dim"]
        heads, head_dim = positions.shape[2:]
        result = np.empty_like(positions)
        for share in self.shares:
            memory, users = share.memory, share.users
            rows = positions if users is None else positions[users]
            together = rows.reshape(len(memory.key), -1, heads, head_dim).swapaxes(1, 2)
            output = memory.attend(together, attention).swapaxes(1, 2)
            if users is None:
                return output.reshape(positions.shape).swapaxes(1, 2)
            result[users] = output[:, :, None]
        return result.swapaxes(1, 2)


def encode_sources(
    model: Transformer, sources: Sequence[Sequence[int]], watcher: Watcher
) -> list[SourceGroup]:
    """Encode sources, those of each padded length together.

    Args:
        model: with an encoder and a decoder.
        sources: token ids of each, without padding.
        watcher: of the encoder, and of the keys and values computed from its output.
    """
    config = model.config
    by_length: dict[int, list[int]] = {}
    for number, source in enumerate(sources):
        padded_len = -(-len(source) // _MULTIPLE) * _MULTIPLE
        by_length.setdefault(min(padded_len, config.max_length), []).append(number)
    groups = []
    for length, numbers in sorted(by_length.items()):
        ids = pad([sources[number] for number in numbers], config.pad_id, length=length)
        memories = model.memories(model.encode(ids, trace=watcher), trace=watcher)
        rows = np.full(len(sources), -1)
        rows[numbers] = np.arange(len(numbers))
        groups.append(SourceGroup(rows, [_contiguous(memory) for memory in memories]))
    return groups


def _contiguous(memory: KeysAndValues) -> KeysAndValues:
    # The layer's views into a joint product are copied, because every step will read them.
    key, value = np.ascontiguousarray(memory.key), np.ascontiguousarray(memory.value)
    return KeysAndValues(key, value, memory.mask)


def share_sources(groups: Sequence[SourceGroup], sources: Int[Array, "rows"]) -> list[SharedMemory]:
    """Assign the encoded sources to the rows of a batch.

    Sources of one group that have the same number of rows are attended to in one product.

    Args:
        groups: all sources, encoded.
        sources: the number of the source that each row attends to.

    Returns:
        one for each decoder layer.
    """
    # The rows of each source that has any, one source after the other.
    numbers, counts = np.unique(sources, return_counts=True)
    rows_by_source = np.argsort(sources, kind="stable")
    first_row = np.cumsum(counts) - counts
    in_order = bool((rows_by_source[1:] > rows_by_source[:-1]).all())

    shares: list[list[Share]] = [[] for _ in groups[0].memories] if groups else []
    for group in groups:
        group_rows = group.rows[numbers]
        for count in np.unique(counts[group_rows >= 0]).tolist():
            members = np.flatnonzero((group_rows >= 0) & (counts == count))
            users = rows_by_source[first_row[members, None] + np.arange(count)]
            whole_batch = in_order and users.size == len(sources)
            for layer, memory in zip(shares, group.memories, strict=True):
                selection = _select(memory, group_rows[members])
                layer.append(Share(selection, None if whole_batch else users))
    return [SharedMemory(layer) for layer in shares]


def _select(memory: KeysAndValues, rows: Int[Array, "rows"]) -> KeysAndValues:
    """Return some rows of a memory, without a copy if they are all rows."""
    if len(rows) == len(memory.key) and (rows == np.arange(len(rows))).all():
        return memory
    mask = None if memory.mask is None else memory.mask[rows]
    return KeysAndValues(memory.key[rows], memory.value[rows], mask)
