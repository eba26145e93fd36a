"""Tracks, step by step, which batch row holds the keys and queries of each beam.

In beam search several rows of a step may continue one row of the last step, and other rows are
dropped. Keys and queries stay where they were computed; a lineage says where those of a row are.
Each row of the last step has one ancestor in every earlier step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ....shapes import Int, Shaped
from .cache_overlap import Continuation


class Lineage:
    """The parents of the rows of each step.

    Attributes:
        batch: the number of rows.
        uncertain: the parents in some step could not be told from its keys alone.
    """

    def __init__(self, batch: int, first_keys: int) -> None:
        self.batch = batch
        self.uncertain = False
        self._parents: list[Int[Tensor, "batch"] | None] = [None]
        self._key_columns = [(0, first_keys)]
        # For each row, the row that holds each of its keys; None while every row continues itself.
        self._rows: Int[Tensor, "batch key_len"] | None = None

    @property
    def is_reordered(self) -> bool:
        """Whether rows changed places in any step."""
        return self._rows is not None

    def keys_of_rows(
        self, keys: Shaped[Tensor, "batch heads key_len width"]
    ) -> Shaped[Tensor, "batch heads key_len width"]:
        """Return the keys of the rows of the last step."""
        return keys if self._rows is None else gather_rows(keys, self._rows)

    def origin(self, parents: Int[Tensor, "batch"] | None) -> Int[Tensor, "batch"] | None:
        """Return the first step's row from which each row of a new step descends."""
        if self._rows is None:
            return parents
        first = self._rows[:, 0]
        return first if parents is None else first[parents.to(first.device)]

    def add(self, continuation: Continuation, first: int, end: int, key_len: int) -> None:
        """Add a step.

        Args:
            continuation: how it continued the call.
            first, end: where its new keys lie.
            key_len: how many keys there are then, including the unused part of a buffer.
        """
        parents = continuation.parents
        self._parents.append(parents)
        self.uncertain |= continuation.uncertain
        self._key_columns.append((first, end))
        table = self._rows if parents is None else parents
        if table is None:
            return
        own = torch.arange(self.batch, device=table.device)
        rows = own[:, None].expand(-1, key_len).clone()
        if self._rows is None:
            before = own[:, None].expand(-1, key_len)
        else:
            before = torch.cat([self._rows, rows[:, self._rows.shape[1] :]], 1)
        rows[:] = before if parents is None else before[parents]
        rows[:, first:end] = own[:, None]
        self._rows = rows

    def drop(self, count: int) -> None:
        """Drop the last keys of the last step."""
        first, end = self._key_columns[-1]
        self._key_columns[-1] = (first, end - count)
        if self._rows is not None:
            self._rows = self._rows[:, : self._rows.shape[1] - count]

    def paths(self) -> Int[Tensor, "batch steps"]:
        """Return the ancestors of each row of the last step, ending with the row itself."""
        return self.paths_of(torch.arange(self.batch), len(self._parents) - 1)

    def paths_of(self, rows: Int[Tensor, "rows"], step: int) -> Int[Tensor, "rows steps"]:
        """Return the ancestors of some rows of a step, in the steps up to it."""
        path = [rows]
        for parents in reversed(self._parents[1 : step + 1]):
            path.append(path[-1] if parents is None else parents.to(rows.device)[path[-1]])
        return torch.stack(path[::-1], 1)

    def key_rows(self, paths: Int[Tensor, "rows steps"], key_len: int) -> Int[Tensor, "rows keys"]:
        """Return, for each path, the row that holds each of its keys."""
        rows = paths[:, :1].repeat(1, key_len)
        columns = self._key_columns[1 : paths.shape[1]]
        for step, (first, end) in enumerate(columns, start=1):
            rows[:, first:end] = paths[:, step, None]
        return rows

    def keys_before(self, step: int) -> int:
        """Return where the new keys of a step begin."""
        return self._key_columns[step][0]


def gather_rows(
    x: Shaped[Tensor, "batch heads length width"], rows: Int[Tensor, "rows length"]
) -> Shaped[Tensor, "rows heads length width"]:
    """Return a tensor whose positions are each taken from a row of their own."""
    rows = rows.to(x.device)
    places = torch.arange(rows.shape[1], device=x.device)
    return x.transpose(1, 2)[rows, places].transpose(1, 2)
