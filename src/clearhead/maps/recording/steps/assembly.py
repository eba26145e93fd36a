"""The map of a call, from the tensors and scorings of its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor

from ....shapes import Int, Shaped
from ...attention_map import AttentionMap
from ...scores.merged_scoring import CallScoring, merged
from ...scores.part_scoring import scoring_of_rows, without_rows
from ...storage.provenance import Source
from ..storage import GrowingTensor
from .lineage import Lineage, gather_rows
from .shared_bias import SharedBiases

_DRAFTS = (
    "the last step read drafted tokens; recording.generation(prompt, output) leaves out those that "
    "were rejected after it"
)


class CallOfSteps(Protocol):
    """The part of `GrowingCall` that a map is assembled from."""

    source: Source
    query: GrowingTensor
    key: GrowingTensor
    value: GrowingTensor | None
    lse: GrowingTensor | None
    parts: list[CallScoring]
    lineage: Lineage
    static: bool
    rejected: int
    drafts: bool
    labels: dict[str, list[list[str]]]
    biases: SharedBiases

    @property
    def kind(self) -> str: ...

    @property
    def length(self) -> int: ...


def assembled(
    call: CallOfSteps,
    paths: Int[Tensor, "rows steps"] | None = None,
    lengths: Sequence[int] | None = None,
) -> AttentionMap:
    """Return the map of all steps of a call together.

    Args:
        call: the steps.
        paths: for each row of the map, its row in each step; None for the rows of the last step.
        lengths: the number of queries of each row; None for all.

    """
    if paths is None and call.lineage.is_reordered:
        paths = call.lineage.paths()
    if paths is None:
        return _map(call, _Steps(call))
    return _map(call, _StepsOfPaths(call, paths), lengths)


class _Steps:
    """The steps of a call, in its own batch rows."""

    def __init__(self, call: CallOfSteps) -> None:
        self.call = call
        self.parts: Sequence[CallScoring] = call.parts
        self.key_len = call.length
        self.query_len = call.query.length

    def of_queries(self, x: Tensor) -> Shaped[Tensor, "rows heads query_len width"]:
        """Return a tensor over all queries."""
        return x[:, :, : self.query_len]

    def of_keys(self, x: Tensor) -> Shaped[Tensor, "rows heads key_len width"]:
        """Return a tensor over all keys."""
        return x[:, :, : self.key_len]

    def tokens(self, rows: list[list[str]], side: str) -> list[list[str]]:
        """Return the tokens of one side."""
        return rows


class _StepsOfPaths(_Steps):
    """The steps of a call along some paths through the rows of its batch."""

    def __init__(self, call: CallOfSteps, paths: Int[Tensor, "rows steps"]) -> None:
        super().__init__(call)
        steps = call.parts[: paths.shape[1]]
        self.parts = [
            replace(part, scoring=scoring_of_rows(part.scoring, rows))
            for part, rows in zip(steps, paths.unbind(1), strict=True)
        ]
        counts = torch.tensor([part.query_len for part in steps])
        self.query_len = int(counts.sum())
        if len(steps) < len(call.parts):
            self.key_len = min(self.key_len, call.lineage.keys_before(len(steps)))
        self._query_rows = paths.repeat_interleave(counts, 1)
        self._key_rows = call.lineage.key_rows(paths, self.key_len)

    def of_queries(self, x: Tensor) -> Shaped[Tensor, "rows heads query_len width"]:
        return gather_rows(super().of_queries(x), self._query_rows)

    def of_keys(self, x: Tensor) -> Shaped[Tensor, "rows heads key_len width"]:
        return gather_rows(super().of_keys(x), self._key_rows)

    def tokens(self, rows: list[list[str]], side: str) -> list[list[str]]:
        if side == "key" and self.call.kind == "cross":
            return [rows[row] for row in self._query_rows[:, 0].tolist()]
        return [
            [rows[row][place] for place, row in enumerate(path) if place < len(rows[row])]
            for path in self._query_rows.tolist()
        ]


def _map(call: CallOfSteps, steps: _Steps, lengths: Sequence[int] | None = None) -> AttentionMap:
    """Return the map of some steps."""
    first = call.parts[0]
    offset = first.key_len - first.query_len if call.kind == "self" else 0
    scoring = merged(steps.parts, steps.key_len)
    if call.biases:
        bias = call.biases[0].of(steps.query_len, steps.key_len)
        scoring = replace(scoring, bias=bias)
    if lengths is not None and min(lengths) < steps.query_len:
        queries = torch.tensor(lengths, device=call.query.tensor.device)
        scoring = without_rows(scoring, queries, steps.query_len, steps.key_len)
    lse, value = call.lse, call.value
    return AttentionMap(
        steps.of_queries(call.query.tensor),
        steps.of_keys(call.key.tensor),
        scoring,
        value=None if value is None else steps.of_keys(value.tensor),
        lse=None if lse is None else steps.of_queries(lse.tensor)[..., 0],
        source=_source(call),
        query_labels=_labels(call, steps, "query", steps.query_len),
        key_labels=_labels(call, steps, "key", steps.key_len),
        query_offset=0 if call.static else max(offset, 0),
    )


def _source(call: CallOfSteps) -> Source:
    """Return the source of the map, with notes on what was merged."""
    notes = call.source.notes
    if len(call.parts) > 1:
        notes = (*notes, f"{len(call.parts)} steps with a cache, taken together")
    if call.lineage.is_reordered:
        notes = (*notes, "the rows are beams, each with its ancestors")
    if call.rejected:
        notes = (*notes, f"{call.rejected} tokens that were drafted and rejected left out")
    if call.drafts:
        notes = (*notes, _DRAFTS)
    if call.source.dropout:
        notes = (*notes, f"weights before dropout of {call.source.dropout:g}")
    return replace(call.source, notes=notes)


def _labels(
    call: CallOfSteps, steps: _Steps, side: str, length: int
) -> Sequence[Sequence[str]] | None:
    """Return the tokens of one side, if every position has one."""
    rows = call.labels.get(side)
    if rows is None:
        return None
    rows = steps.tokens(rows, side)
    return rows if all(len(row) == length for row in rows) else None
