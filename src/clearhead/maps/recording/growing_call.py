"""One attention of a module as it is recorded: a single call, or all steps of a generation.

With a cache of keys, each step computes the queries of its new tokens against the keys of all
tokens up to them. Such steps are one attention in parts, and are merged into one call. Whether a
step continues the call is not guessed: its keys are compared with the keys of the call, number by
number. What is compared depends on the cache:

    full cache      the keys of the call, then the new ones
    sliding window  the last keys of the call, then the new ones
    static cache    a buffer of full length, where the new keys overwrite keys that are unused
    cross           the same keys in every step
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ...shapes import Bool, Float
from ..attention_map import AttentionMap
from ..scores.merged_scoring import CallScoring, merged
from ..storage.provenance import Source
from .captured import CapturedAttention, attended_end
from .outline import Outline
from .storage import GrowingTensor, Storage

_ROWS_COMPARED_FOR_ORDER = 256


@dataclass(eq=False)
class GrowingCall:
    """One attention of a module: of a single call, or of all steps of a generation.

    Attributes:
        source: where it came from; its kernel and notes are those of all steps.
        storage: how tensors are kept.
        query, key, value, lse: the tensors of all steps.
        parts: the scoring of each step.
        attended_end: no query attends to this key or a later one, so those may still change.
        used_end: the same, counting queries that attend evenly whatever the keys are.
        offset: the index, among all keys, of the last step's first key.
        static: new keys overwrote keys that no query had attended to.
        steps: the number of calls of the module that were merged.
        reordered: another call of the module had these keys with its rows in another order.
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
    offset: int = 0
    static: bool = False
    steps: int = 1
    reordered: bool = False
    labels: dict[str, list[list[str]]] = field(default_factory=dict)
    _map: AttentionMap | None = field(default=None, init=False)

    @classmethod
    def of(cls, source: Source, captured: CapturedAttention, storage: Storage) -> GrowingCall:
        """Copy a captured attention as the first step of a call."""
        value = captured.value if storage.values else None
        # A log-sum-exp of queries and keys before they are narrowed is not that of the copies.
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
        )

    @property
    def kind(self) -> str:
        """``"self"`` or ``"cross"``."""
        return self.source.kind

    # Growing

    def extend(self, kind: str, captured: CapturedAttention, *, pass_continues: bool) -> bool:
        """Append a further step, if it is one, and return whether it was.

        Args:
            kind: of the step's attention.
            captured: the step's attention.
            pass_continues: whether the self-attention before it in the forward pass was a further
                step. Cross-attention has the same keys in every step, and in every other pass
                over the same source.
        """
        if kind != self.kind or not self._is_compatible(captured):
            return False
        key = captured.key.detach().to(self.key.tensor.device, self.key.tensor.dtype)
        if kind == "cross":
            if not pass_continues or key.shape[2] != self.key.length:
                return False
            if not torch.equal(key, self.key.tensor):
                return False
            self._append(captured, key, 0, key.new_zeros(0, dtype=torch.bool))
            return True
        overlap = self._overlap(key, captured.query.shape[2])
        if overlap is None:
            self.reordered = self.reordered or self._is_reordered(key, captured.query.shape[2])
            return False
        self._append(captured, key, *overlap)
        return True

    def is_same_attention(self, captured: CapturedAttention) -> bool:
        """Return whether an attention is this one, computed a second time in another way."""
        query, key = self.query.tensor, self.key.tensor
        if self.source.kernel == captured.kernel or self.steps > 1:
            return False
        if query.shape != captured.query.shape or key.shape != captured.key.shape:
            return False
        mine = query.float() * self.parts[0].scoring.scale
        theirs = captured.query.to(query.device).float() * captured.scoring.scale
        same_key = torch.equal(key, captured.key.to(key.device, key.dtype))
        return same_key and torch.allclose(mine, theirs, rtol=1e-5, atol=1e-7)

    def _is_compatible(self, captured: CapturedAttention) -> bool:
        """Return whether shapes and scoring fit, so that an attention may be a further step."""
        mine, theirs = self.parts[-1].scoring, captured.scoring
        return (
            captured.query.shape[:2] == self.query.tensor.shape[:2]
            and captured.query.shape[3] == self.query.tensor.shape[3]
            and captured.key.shape[:2] == self.key.tensor.shape[:2]
            and mine.scale == theirs.scale
            and mine.softcap == theirs.softcap
            and mine.score_mod is None
            and theirs.score_mod is None
            and captured.dropout == self.source.dropout
            and _are_equal(mine.sinks, theirs.sinks)
            and (self.value is None or captured.value is not None)
        )

    def _overlap(
        self, key: Float[Tensor, "batch kv_heads key_len head_dim"], new: int
    ) -> tuple[int, Bool[Tensor, "overlap"]] | None:
        """Find where the keys of a step overlap the keys of the call.

        Args:
            key: the keys of the step.
            new: the number of its queries, and so of its new keys.

        Returns:
            The index, among all keys, of the step's first key, and which of the overlapping keys
            have changed; None where the step does not continue the call.
        """
        keys, length = self.key.tensor, key.shape[2]
        # A full or static cache begins where the last step did; a window has moved by the new keys.
        offsets = (self.offset, self.key.length + new - length, self.offset + new)
        for offset in dict.fromkeys(offsets):
            overlap = min(self.key.length - offset, length)
            if offset < 0 or overlap <= 0:
                continue
            same = (keys[:, :, offset : offset + overlap] == key[:, :, :overlap]).flatten(2)
            same = same.unflatten(2, (overlap, -1)).all(-1).all(1).all(0)
            changed = ~same
            count = int(changed.sum())
            # As many keys are new as there are queries, whether appended or written over others.
            if count + length - overlap != new or count == overlap:
                continue
            first = offset + int(changed.to(torch.uint8).argmax()) if count else self.key.length
            if first >= self.attended_end or not count:
                return offset, changed
        return None

    def _is_reordered(
        self, key: Float[Tensor, "batch kv_heads key_len head_dim"], new: int
    ) -> bool:
        """Return whether each row continues some row, though not its own: a beam search."""
        keys, rows = self.key.tensor, len(key)
        overlap = min(self.key.length, key.shape[2] - new)
        if rows < 2 or rows > _ROWS_COMPARED_FOR_ORDER or overlap <= 0:
            return False
        mine = keys[:, :, :overlap].flatten(1)
        theirs = key[:, :, :overlap].flatten(1)
        if torch.equal(mine, theirs):
            return False
        return all(bool((mine == row).all(1).any()) for row in theirs)

    def _append(
        self,
        captured: CapturedAttention,
        key: Float[Tensor, "batch kv_heads key_len head_dim"],
        offset: int,
        changed: Bool[Tensor, "overlap"],
    ) -> None:
        """Append a step whose keys begin at an offset, some of them changed: see `_overlap`."""
        copy = self.storage.copy
        overlap = changed.shape[0] if self.kind == "self" else key.shape[2]
        value = None if self.value is None else captured.value
        # In a static cache, new keys and values stand in the place of unused ones.
        if bool(changed.any()):
            self.static = True
            where = offset + changed.nonzero()[:, 0]
            self.key.tensor[:, :, where] = key[:, :, :overlap][:, :, changed]
            if self.value is not None and value is not None:
                self.value.tensor[:, :, where] = copy(value)[:, :, :overlap][:, :, changed]
        # In the others they come behind.
        self.key.append(copy(key[:, :, overlap:]))
        if self.value is not None and value is not None:
            self.value.append(copy(value[:, :, overlap:]))
        self.query.append(copy(captured.query))
        if self.lse is not None and captured.lse is not None:
            self.lse.append(copy(captured.lse[..., None]))
        else:
            self.lse = None
        self.parts.append(_part(captured, offset, self.storage))
        self.offset = offset
        step_ends = (attended_end(captured, count_even=even) for even in (False, True))
        attended_to, used_to = (offset + end for end in step_ends)
        self.attended_end = max(self.attended_end, attended_to)
        self.used_end = max(self.used_end, used_to)
        self.steps += 1
        kernel = self.source.kernel
        if captured.kernel not in kernel.split(" and "):
            kernel += f" and {captured.kernel}"
        notes = tuple(dict.fromkeys(self.source.notes + captured.notes))
        self.source = replace(self.source, kernel=kernel, notes=notes)
        self._map = None

    # Reading

    @property
    def length(self) -> int:
        """The number of keys; a static cache has room behind the last one in use."""
        return min(self.key.length, self.used_end) if self.static else self.key.length

    @property
    def nbytes(self) -> int:
        """Memory of the tensors and masks, in bytes."""
        tensors = (self.query, self.key, self.value, self.lse)
        total = sum(growing.tensor.nbytes for growing in tensors if growing is not None)
        return total + sum(part.scoring.nbytes for part in self.parts)

    @property
    def outline(self) -> Outline:
        """What tables say of the call."""
        query, key = self.query.tensor.shape, self.key.tensor.shape
        remark = f" ({self.steps} steps)" if self.steps > 1 else ""
        kernel = self.source.kernel + remark
        return Outline(self.kind, query[1], key[1], query[2], self.length, kernel)

    def map(self) -> AttentionMap:
        """Return the map of all steps together; it is built once."""
        if self._map is None:
            self._map = self._build()
        return self._map

    def _build(self) -> AttentionMap:
        length, first = self.length, self.parts[0]
        query, key = self.query.tensor, self.key.tensor[:, :, :length]
        offset = first.key_len - first.query_len if self.kind == "self" else 0
        return AttentionMap(
            query,
            key,
            merged(self.parts, length),
            value=None if self.value is None else self.value.tensor[:, :, :length],
            lse=None if self.lse is None else self.lse.tensor[..., 0],
            source=self._source_of_map(),
            query_labels=self._labels("query", query.shape[2]),
            key_labels=self._labels("key", length),
            query_offset=0 if self.static else max(offset, 0),
        )

    def _source_of_map(self) -> Source:
        notes = self.source.notes
        if self.steps > 1:
            notes = (*notes, f"{self.steps} steps with a cache, taken together")
        if self.source.dropout:
            notes = (*notes, f"weights before dropout of {self.source.dropout:g}")
        return replace(self.source, notes=notes)

    def _labels(self, side: str, length: int) -> Sequence[Sequence[str]] | None:
        """Return the tokens of one side, if there is one for each of its positions."""
        rows = self.labels.get(side)
        return rows if rows is not None and all(len(row) == length for row in rows) else None


def _are_equal(one: Tensor | None, other: Tensor | None) -> bool:
    """Return whether two tensors hold the same numbers, or neither is there."""
    if one is None or other is None:
        return one is other
    return torch.equal(one, other.to(one))


def _part(captured: CapturedAttention, offset: int, storage: Storage) -> CallScoring:
    scoring = captured.scoring
    if storage.device is not None:
        scoring = scoring.to(storage.device)
    return CallScoring(scoring, captured.query.shape[2], captured.key.shape[2], offset)
