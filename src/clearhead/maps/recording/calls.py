"""What is kept of one call of a module, and of the steps of a generation as one call.

With a cache of keys, a step computes the queries of its new tokens against the keys of all tokens
so far. Such steps are one attention, taken down in parts. That the keys of a step do go on from
those before is never guessed: they are compared, number by number.

    full cache      keys so far, then the new ones
    sliding window  the last of the keys so far, then the new ones
    static cache    a buffer of full length, in which the new keys took the place of unused ones
    cross           the same keys in every step
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..scores.key_ranges import DenseMask, KeyRanges
from ..scores.merged_scoring import Part, merged
from ..scores.scoring import Scoring
from .captured import Captured

_ROWS_COMPARED_FOR_ORDER = 256


class _Growing:
    """A tensor that grows along axis 2, its room doubling."""

    def __init__(self, first: Tensor) -> None:
        self._room = first
        self.length = first.shape[2]

    @property
    def tensor(self) -> Tensor:
        return self._room[:, :, : self.length]

    def append(self, more: Tensor) -> None:
        length = self.length + more.shape[2]
        if length > self._room.shape[2]:
            shape = list(self._room.shape)
            shape[2] = max(length, 2 * shape[2])
            room = self._room.new_empty(shape)
            room[:, :, : self.length] = self.tensor
            self._room = room
        self._room[:, :, self.length : length] = more
        self.length = length


@dataclass(frozen=True)
class Storage:
    """How tensors are kept.

    Attributes:
        device: where; None for where they are.
        dtype: narrowed to; None for as they are.
        values: whether values are kept.
    """

    device: torch.device | None = None
    dtype: torch.dtype | None = None
    values: bool = False

    def copy(self, x: Tensor) -> Tensor:
        """A copy that nobody else writes to, of the model's own numbers."""
        x = x.detach()
        dtype = self.dtype if self.dtype is not None and x.is_floating_point() else x.dtype
        if self.device not in (None, x.device) or dtype != x.dtype:
            return x.to(self.device or x.device, dtype).contiguous()
        return x.clone(memory_format=torch.contiguous_format)


@dataclass(eq=False)
class KeptCall:
    """One attention of a module: of a single call, or of all steps of a generation.

    Attributes:
        kind: ``"self"`` or ``"cross"``.
        seen: from this key on, none has been attended to, so it may still change.
        reach: the same, counting queries that attend evenly whatever the keys are.
        offset: the key at which the last step's first key stands.
        static: keys took the place of others that nobody had seen.
        steps: how many calls of the module it took.
        reordered: another call of the module had these keys with its rows in another order.
    """

    kind: str
    kernel: str
    dropout: float
    notes: tuple[str, ...]
    storage: Storage
    query: _Growing
    key: _Growing
    value: _Growing | None
    lse: _Growing | None
    parts: list[Part]
    seen: int
    reach: int
    offset: int = 0
    static: bool = False
    steps: int = 1
    reordered: bool = False
    labels: dict[str, list[list[str]]] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: str, captured: Captured, storage: Storage) -> KeptCall:
        """Copies what was captured."""
        has_value = storage.values and captured.value is not None
        trusted = captured.lse is not None and storage.dtype is None
        lse = captured.lse[..., None] if trusted and captured.lse is not None else None
        return cls(
            kind=kind,
            kernel=captured.kernel,
            dropout=captured.dropout,
            notes=captured.notes,
            storage=storage,
            query=_Growing(storage.copy(captured.query)),
            key=_Growing(storage.copy(captured.key)),
            value=_Growing(storage.copy(captured.value)) if has_value else None,  # type: ignore[arg-type]
            lse=None if lse is None else _Growing(storage.copy(lse)),
            parts=[_part(captured, 0, storage)],
            seen=_reach(captured, flat=False),
            reach=_reach(captured, flat=True),
        )

    def goes_on(self, kind: str, captured: Captured, *, pass_goes_on: bool) -> bool:
        """Takes a further step in, if it is one.

        Args:
            pass_goes_on: whether the last self-attention before was a further step. Cross-attention
                has the same keys in every step and in every other pass over the same source.
        """
        if kind != self.kind or not self._alike(captured):
            return False
        key = captured.key.detach().to(self.key.tensor.device, self.key.tensor.dtype)
        if kind == "cross":
            if not pass_goes_on or key.shape[2] != self.key.length:
                return False
            if not torch.equal(key, self.key.tensor):
                return False
            self._take(captured, key, 0, key.new_zeros(0, dtype=torch.bool))
            return True
        found = self._place(key, captured.query.shape[2])
        if found is None:
            self.reordered = self.reordered or self._is_reordered(key, captured.query.shape[2])
            return False
        self._take(captured, key, *found)
        return True

    def is_the_same(self, captured: Captured) -> bool:
        """Whether this attention was computed a second time, in another way."""
        query, key = self.query.tensor, self.key.tensor
        if self.kernel == captured.kernel or self.steps > 1:
            return False
        if query.shape != captured.query.shape or key.shape != captured.key.shape:
            return False
        mine = query.float() * self.parts[0].scoring.scale
        theirs = captured.query.to(query.device).float() * captured.scoring.scale
        same_key = torch.equal(key, captured.key.to(key.device, key.dtype))
        return same_key and torch.allclose(mine, theirs, rtol=1e-5, atol=1e-7)

    def _alike(self, captured: Captured) -> bool:
        mine, theirs = self.parts[-1].scoring, captured.scoring
        sinks = (mine.sinks, theirs.sinks)
        return (
            captured.query.shape[:2] == self.query.tensor.shape[:2]
            and captured.query.shape[3] == self.query.tensor.shape[3]
            and captured.key.shape[:2] == self.key.tensor.shape[:2]
            and mine.scale == theirs.scale
            and mine.softcap == theirs.softcap
            and mine.score_mod is None
            and theirs.score_mod is None
            and captured.dropout == self.dropout
            and (sinks[0] is None) == (sinks[1] is None)
            and (sinks[0] is None or torch.equal(sinks[0], sinks[1].to(sinks[0])))  # type: ignore[union-attr]
            and (self.value is None or captured.value is not None)
        )

    def _place(self, key: Tensor, new: int) -> tuple[int, Tensor] | None:
        """Where the first key of a step stands among all keys, and which of those known have
        changed, Bool["overlap"]; None where the step does not go on from them."""
        known, length = self.key.tensor, key.shape[2]
        for offset in dict.fromkeys(
            (self.offset, self.key.length + new - length, self.offset + new)
        ):
            overlap = min(self.key.length - offset, length)
            if offset < 0 or overlap <= 0:
                continue
            same = (known[:, :, offset : offset + overlap] == key[:, :, :overlap]).flatten(2)
            same = same.unflatten(2, (overlap, -1)).all(-1).all(1).all(0)
            changed = ~same
            count = int(changed.sum())
            if count + length - overlap != new or count == overlap:
                continue
            first = offset + int(changed.to(torch.uint8).argmax()) if count else self.key.length
            if first >= self.seen or not count:
                return offset, changed
        return None

    def _is_reordered(self, key: Tensor, new: int) -> bool:
        """Whether each row goes on from some row, though not from its own: a beam search."""
        known, rows = self.key.tensor, len(key)
        overlap = min(self.key.length, key.shape[2] - new)
        if rows < 2 or rows > _ROWS_COMPARED_FOR_ORDER or overlap <= 0:
            return False
        mine = known[:, :, :overlap].flatten(1)
        theirs = key[:, :, :overlap].flatten(1)
        if torch.equal(mine, theirs):
            return False
        return all(bool((mine == row).all(1).any()) for row in theirs)

    def _take(self, captured: Captured, key: Tensor, offset: int, changed: Tensor) -> None:
        keep = self.storage.copy
        overlap = changed.shape[0] if self.kind == "self" else key.shape[2]
        value = None if self.value is None else captured.value
        if bool(changed.any()):
            self.static = True
            where = offset + changed.nonzero()[:, 0]
            self.key.tensor[:, :, where] = key[:, :, :overlap][:, :, changed]
            if self.value is not None and value is not None:
                fresh = keep(value)[:, :, :overlap][:, :, changed]
                self.value.tensor[:, :, where] = fresh
        self.key.append(keep(key[:, :, overlap:]))
        if self.value is not None and value is not None:
            self.value.append(keep(value[:, :, overlap:]))
        self.query.append(keep(captured.query))
        if self.lse is not None and captured.lse is not None:
            self.lse.append(keep(captured.lse[..., None]))
        else:
            self.lse = None
        self.parts.append(_part(captured, offset, self.storage))
        self.offset = offset
        self.seen = max(self.seen, offset + _reach(captured, flat=False))
        self.reach = max(self.reach, offset + _reach(captured, flat=True))
        self.steps += 1
        if captured.kernel not in self.kernel.split(" and "):
            self.kernel += f" and {captured.kernel}"
        self.notes = tuple(dict.fromkeys(self.notes + captured.notes))

    @property
    def length(self) -> int:
        """How many keys there are; a static cache has room behind the last one in use."""
        return min(self.key.length, self.reach) if self.static else self.key.length

    def whole(self) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, Scoring]:
        """Queries, keys, values, log-sum-exp and scoring of all steps together."""
        length = self.length
        key = self.key.tensor[:, :, :length]
        value = None if self.value is None else self.value.tensor[:, :, :length]
        lse = None if self.lse is None else self.lse.tensor[..., 0]
        return self.query.tensor, key, value, lse, merged(self.parts, length)


def _part(captured: Captured, offset: int, storage: Storage) -> Part:
    scoring = captured.scoring
    if storage.device is not None:
        scoring = scoring.to(storage.device)
    return Part(scoring, captured.query.shape[2], captured.key.shape[2], offset)


def _reach(captured: Captured, *, flat: bool) -> int:
    """The key from which on no query attends to any, counting those that attend evenly if asked:
    to them it does not matter what the keys are."""
    scoring, length = captured.scoring, captured.key.shape[2]
    allowed = scoring.allowed
    if isinstance(allowed, KeyRanges):
        end = allowed.end
        if scoring.flat is not None and not flat:
            end = end.masked_fill(scoring.flat, 0) if end.ndim == scoring.flat.ndim else end
        return int(end.max()) if end.numel() else 0
    if isinstance(allowed, DenseMask):
        seen = allowed.allowed
        if scoring.flat is not None and not flat:
            seen = seen & ~scoring.flat[..., None]
        columns = seen.flatten(0, 2).any(0).expand(length).nonzero()
        return int(columns.max()) + 1 if len(columns) else 0
    return length
