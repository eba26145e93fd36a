"""One attention of a module as it is recorded: a single call, or all steps of a generation.

With a cache of keys, each step computes the queries of its new tokens against the keys of all
tokens so far. Such steps are parts of one attention, and are merged into one call. Whether a step
continues the call is not guessed: its keys are compared with those of the call, number by number
(`steps.cache_overlap`). Cross-attention has the same keys in every step.

In beam search a row may continue another row. Keys and queries stay where they were computed, and
`steps.lineage` tracks which rows belong together. Drafted tokens that were rejected are dropped
when the next step lacks them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...shapes import Bool, Float, Int
from ..attention_map import AttentionMap
from ..scores.merged_scoring import CallScoring
from ..scores.part_scoring import scoring_of_queries
from ..storage.provenance import Source
from .captured import CapturedAttention, attended_end
from .outline import Outline
from .steps.assembly import assembled
from .steps.cache_overlap import (
    CallState,
    Continuation,
    count_rejected,
    find_overlap,
    find_parents,
    is_uncertain,
)
from .steps.compatibility import are_compatible
from .steps.lineage import Lineage
from .steps.shared_bias import SharedBiases, add_part
from .storage import GrowingTensor, Storage

_ROWS_COMPARED_FOR_ORDER = 256


@dataclass(eq=False)
class GrowingCall:
    """One attention of a module: a single call, or all steps of a generation.

    Attributes:
        source: where it came from; kernel and notes combine those of all steps.
        storage: how tensors are kept.
        query, key, value, lse: the tensors of all steps, in the batch rows that computed them.
        parts: the scoring of each step.
        attended_end: no query attends to this key or a later one, so their numbers may still
            change.
        used_end: the same, also counting flat queries, which attend evenly whatever the keys are.
        lineage: which rows continued which.
        offset: the index, among all keys, of the last step's first key.
        static: new keys overwrote keys that no query had attended to.
        rejected: the number of drafted tokens that were dropped.
        biases: the biases that all steps may share, by distance or by key.
        drafts: the last step read drafted tokens, some of which may still be rejected.
        cut_back: another call of the module begins with a part of these keys.
        labels: the tokens of ``"query"`` and ``"key"``, for each row of the batch.
    """

    source: Source
    storage: Storage
    query: GrowingTensor
    key: GrowingTensor
    value: GrowingTensor | None
    lse: GrowingTensor | None
    parts: list[CallScoring]
    attended_end: int
    used_end: int
    lineage: Lineage
    offset: int = 0
    static: bool = False
    rejected: int = 0
    drafts: bool = False
    cut_back: bool = False
    biases: SharedBiases = ()
    labels: dict[str, list[list[str]]] = field(default_factory=dict)
    _map: AttentionMap | None = field(default=None, init=False)

    @classmethod
    def of(cls, source: Source, captured: CapturedAttention, storage: Storage) -> GrowingCall:
        """Copy a captured attention as the first step of a call."""
        value = captured.value if storage.values else None
        # The log-sum-exp of the original queries and keys is not that of narrowed copies.
        lse = captured.lse if storage.dtype is None else None
        return cls(
            source=source,
            storage=storage,
            query=GrowingTensor(storage.copy(captured.query)),
            key=GrowingTensor(storage.copy(captured.key)),
            value=None if value is None else GrowingTensor(storage.copy(value)),
            lse=None if lse is None else GrowingTensor(storage.copy(lse[..., None])),
            parts=[_part(captured, 0, storage)],
            attended_end=attended_end(captured, count_even=False),
            used_end=attended_end(captured, count_even=True),
            lineage=Lineage(len(captured.key), captured.key.shape[2]),
        )

    @property
    def kind(self) -> str:
        """``"self"`` or ``"cross"``."""
        return self.source.kind

    @property
    def steps(self) -> int:
        """The number of calls of the module that were merged."""
        return len(self.parts)

    # Growing

    def extend(
        self,
        kind: str,
        captured: CapturedAttention,
        *,
        previous: Continuation | None,
        is_drafting: Callable[[], bool],
    ) -> Continuation | None:
        """Append an attention as a further step, if it continues this call.

        Args:
            kind: of the step's attention.
            captured: the step's attention.
            previous: how the previous self-attention of the forward pass continued its call, if it
                did. It decides for cross-attention, whose keys are the same in every step and in
                every other pass over the same source.
            is_drafting: tells whether the model is checking drafted tokens, so that keys missing in
                a step are those of rejected tokens.

        Returns:
            How it continues the call; None where it does not.
        """
        query, scoring = self.query.tensor, self.parts[-1].scoring
        if (
            kind != self.kind
            or captured.dropout != self.source.dropout
            or (self.value is not None and captured.value is None)
            or not are_compatible(query, self.key.tensor, scoring, captured)
        ):
            return None
        key = captured.key.detach().to(self.key.tensor.device, self.key.tensor.dtype)
        if kind == "cross":
            return self._extend_cross(captured, key, previous, is_drafting)
        new = captured.query.shape[2]
        keys = self.lineage.keys_of_rows(self.key.tensor)
        state = CallState(keys, self.offset, self.attended_end)
        overlap, parents, rejected = find_overlap(state, key, new), None, None
        if overlap is None and 1 < len(key) <= _ROWS_COMPARED_FOR_ORDER:
            parents = find_parents(state, key, new)
            if parents is not None:
                overlap = find_overlap(state._replace(keys=keys[parents]), key, new)
        if overlap is None:
            rejected = count_rejected(state, key, new, self.parts[-1].query_len)
            if rejected is not None and self._drop(rejected, is_drafting):
                state = CallState(keys[:, :, :-rejected], self.offset, self.attended_end)
                overlap = find_overlap(state, key, new)
        if overlap is None:
            return None
        uncertain = is_uncertain(state, overlap.offset)
        continuation = Continuation(parents, rejected or 0, uncertain)
        self._append(captured, key, *overlap, continuation)
        self.drafts = new > 1 and is_drafting()
        return continuation

    def _extend_cross(
        self,
        captured: CapturedAttention,
        key: Float[Tensor, "batch kv_heads key_len head_dim"],
        previous: Continuation | None,
        is_drafting: Callable[[], bool],
    ) -> Continuation | None:
        """Append a step of cross-attention, if it continues this call."""
        if previous is None or key.shape[2] != self.key.length:
            return None
        origin = self.lineage.origin(previous.parents)
        keys = self.key.tensor if origin is None else self.key.tensor[origin]
        if not torch.equal(key, keys):
            return None
        if previous.rejected and not self._drop(previous.rejected, is_drafting):
            return None
        same = key.new_zeros(key.shape[2], dtype=torch.bool)
        self._append(captured, key, 0, same, previous)
        self.drafts = captured.query.shape[2] > 1 and is_drafting()
        return previous

    def _drop(self, rejected: int, is_drafting: Callable[[], bool]) -> bool:
        """Drop the last queries of the last step and their keys, if they were drafted."""
        last = self.parts[-1]
        count = last.query_len - rejected
        scoring = scoring_of_queries(last.scoring, 0, count)
        ended = CapturedAttention(
            self.query.tensor[:, :, :0], self.key.tensor[:, :, : last.key_len], scoring, ""
        )
        in_step = self.key.length - (rejected if self.kind == "self" else 0)
        attended_to = last.offset + attended_end(ended, count_even=False)
        if attended_to > in_step or not is_drafting():
            self.cut_back = True
            return False
        growing = [self.query, self.lse]
        if self.kind == "self":
            growing += [self.key, self.value]
            self.attended_end = min(self.attended_end, in_step)
            self.used_end = min(self.used_end, in_step)
            self.lineage.drop(rejected)
        for tensor in growing:
            if tensor is not None:
                tensor.length -= rejected
        for row in self.labels.get("query", []):
            del row[len(row) - rejected :]
        self.parts[-1] = CallScoring(scoring, count, last.key_len, last.offset)
        self.rejected += rejected
        return True

    def is_same_attention(self, captured: CapturedAttention) -> bool:
        """Return whether an attention is this one, computed a second time by another kernel."""
        query, key = self.query.tensor, self.key.tensor
        if self.source.kernel == captured.kernel or self.steps > 1:
            return False
        if query.shape != captured.query.shape or key.shape != captured.key.shape:
            return False
        mine = query.float() * self.parts[0].scoring.scale
        theirs = captured.query.to(query.device).float() * captured.scoring.scale
        same_key = torch.equal(key, captured.key.to(key.device, key.dtype))
        return same_key and torch.allclose(mine, theirs, rtol=1e-5, atol=1e-7)

    def _append(
        self,
        captured: CapturedAttention,
        key: Float[Tensor, "batch kv_heads key_len head_dim"],
        offset: int,
        changed: Bool[Tensor, "overlap"],
        continuation: Continuation,
    ) -> None:
        """Append a step whose keys begin at an offset, some of them changed: see `Overlap`."""
        copy = self.storage.copy
        overlap = changed.shape[0] if self.kind == "self" else key.shape[2]
        value = None if self.value is None else captured.value
        first = self.key.length
        # In a static cache, new keys and values overwrite unused ones.
        if bool(changed.any()):
            self.static = True
            where = offset + changed.nonzero()[:, 0]
            first = int(where[0])
            self.key.tensor[:, :, where] = key[:, :, :overlap][:, :, changed]
            if self.value is not None and value is not None:
                self.value.tensor[:, :, where] = copy(value)[:, :, :overlap][:, :, changed]
        # In other caches they are appended.
        self.key.append(copy(key[:, :, overlap:]))
        if self.value is not None and value is not None:
            self.value.append(copy(value[:, :, overlap:]))
        self.query.append(copy(captured.query))
        if self.lse is not None and captured.lse is not None:
            self.lse.append(copy(captured.lse[..., None]))
        else:
            self.lse = None
        self.biases = add_part(self.parts, _part(captured, offset, self.storage), self.biases)
        self.offset = offset
        end = first + captured.query.shape[2] if self.kind == "self" else first
        self.lineage.add(continuation, first, end, self.key.length)
        step_ends = (attended_end(captured, count_even=even) for even in (False, True))
        attended_to, used_to = (offset + end for end in step_ends)
        self.attended_end = max(self.attended_end, attended_to)
        self.used_end = max(self.used_end, used_to)
        kernel = self.source.kernel
        if captured.kernel not in kernel.split(" and "):
            kernel += f" and {captured.kernel}"
        notes = tuple(dict.fromkeys(self.source.notes + captured.notes))
        self.source = replace(self.source, kernel=kernel, notes=notes)
        self._map = None

    # Reading

    @property
    def length(self) -> int:
        """The number of keys in use; a static cache has more room."""
        return min(self.key.length, self.used_end) if self.static else self.key.length

    @property
    def nbytes(self) -> int:
        """Memory of the tensors and masks, in bytes."""
        tensors = (self.query, self.key, self.value, self.lse)
        total = sum(growing.tensor.nbytes for growing in tensors if growing is not None)
        total += sum(bias.nbytes for bias in self.biases[:1])
        return total + sum(part.scoring.nbytes for part in self.parts)

    @property
    def outline(self) -> Outline:
        """The row of the call in tables."""
        query, key = self.query.tensor.shape, self.key.tensor.shape
        beams = ", beams" if self.lineage.is_reordered else ""
        remark = f" ({self.steps} steps{beams})" if self.steps > 1 else ""
        kernel = self.source.kernel + remark
        return Outline(self.kind, query[1], key[1], query[2], self.length, kernel)

    def map(self) -> AttentionMap:
        """Return the map of all steps together; it is built on the first call.

        After beam search its rows are the beams of the last step, each with its ancestors.

        Raises:
            TraceError: the keys do not tell the ancestors.
        """
        if self._map is None:
            self._map = assembled(self)
        return self._map

    def map_of(self, paths: Int[Tensor, "rows steps"], lengths: Sequence[int]) -> AttentionMap:
        """Return the map of the rows along some paths, such as the hypotheses of beam search.

        Args:
            paths: the row of each step, as `Lineage.paths_of` has them.
            lengths: the number of queries of each row; later queries attend to nothing.
        """
        return assembled(self, paths, lengths)


def _part(captured: CapturedAttention, offset: int, storage: Storage) -> CallScoring:
    scoring = captured.scoring
    if storage.device is not None:
        scoring = scoring.to(storage.device)
    return CallScoring(scoring, captured.query.shape[2], captured.key.shape[2], offset)
