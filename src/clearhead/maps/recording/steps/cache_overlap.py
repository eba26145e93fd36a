"""Compares the keys of a step with those of the call that it may continue, number by number.

A step gets from its cache the keys of the call so far, followed by those of its own tokens. Which
keys are compared depends on the cache:

    full cache      the keys of the call, then the new ones
    sliding window  the last keys of the call, then the new ones
    static cache    a buffer of full length, where the new keys overwrite keys that are unused
    cut back        the keys of the call but for the last ones, then the new ones: tokens that were
                    drafted, and rejected
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ....shapes import Bool, Float, Int


class Overlap(NamedTuple):
    """Where the keys of a step lie among those of its call.

    Attributes:
        offset: the index, among all keys, of the step's first key.
        changed: which of the overlapping keys the step has overwritten.
    """

    offset: int
    changed: Bool[Tensor, "overlap"]


class CallState(NamedTuple):
    """The keys of a call so far.

    Attributes:
        keys: of all steps so far, each row's own.
        offset: the index of the last step's first key.
        attended_end: no query attends to this key or a later one, so their numbers may still
            change.
    """

    keys: Float[Tensor, "batch kv_heads key_len head_dim"]
    offset: int
    attended_end: int

    def offsets(self, length: int, new: int) -> list[int]:
        """Return where a step of so many keys may begin.

        In a full or static cache a step begins where the last one did; a window moves on by the new
        keys.
        """
        offsets = (self.offset, self.keys.shape[2] + new - length, self.offset + new)
        return [offset for offset in dict.fromkeys(offsets) if 0 <= offset < self.keys.shape[2]]


def find_overlap(
    state: CallState, key: Float[Tensor, "batch kv_heads key_len head_dim"], new: int
) -> Overlap | None:
    """Find where the keys of a step overlap the keys of the call.

    Args:
        state: of the call.
        key: the keys of the step.
        new: the number of its queries, which is that of its new keys.

    Returns:
        None where the step does not continue the call.
    """
    keys, length = state.keys, key.shape[2]
    for offset in state.offsets(length, new):
        overlap = min(keys.shape[2] - offset, length)
        if overlap <= 0:
            continue
        same = (keys[:, :, offset : offset + overlap] == key[:, :, :overlap]).flatten(2)
        same = same.unflatten(2, (overlap, -1)).all(-1).all(1).all(0)
        changed = ~same
        count = int(changed.sum())
        # There are as many new keys as queries, whether appended or written over others.
        if count + length - overlap != new or count == overlap:
            continue
        first = offset + int(changed.to(torch.uint8).argmax()) if count else keys.shape[2]
        if first >= state.attended_end or not count:
            return Overlap(offset, changed)
    return None


def count_rejected(
    state: CallState,
    key: Float[Tensor, "batch kv_heads key_len head_dim"],
    new: int,
    last_new: int,
) -> int | None:
    """Return how many keys at the end of the call are missing in a step that has all others.

    Args:
        state: of the call.
        key: the keys of the step.
        new: the number of its queries, which is that of its new keys.
        last_new: the number of keys that the last step added, at least one of which stays.

    Returns:
        1 or more; None where the step does not continue a shorter call.
    """
    keys, old = state.keys, key.shape[2] - new
    if old <= 0 or last_new < 2:
        return None
    # The last old key must be one that the last step added.
    begin = keys.shape[2] - last_new
    last = key[:, :, old - 1 : old]
    fits = (keys[:, :, begin : keys.shape[2] - 1] == last).all(3).all(1).all(0)
    for place in reversed(fits.nonzero()[:, 0].tolist()):
        end = begin + place + 1
        offset = end - old
        if offset >= 0 and torch.equal(keys[:, :, offset:end], key[:, :, :old]):
            return keys.shape[2] - end
    return None


class Continuation(NamedTuple):
    """How a step continues a call; it is the same for all attentions of one forward pass.

    Attributes:
        parents: the row that each row continues; None where each continues itself.
        rejected: how many of the last step's tokens were dropped.
        uncertain: whether the compared keys also fit other rows, which differ in earlier keys.
    """

    parents: Int[Tensor, "batch"] | None = None
    rejected: int = 0
    uncertain: bool = False


def find_parents(
    state: CallState, key: Float[Tensor, "batch kv_heads key_len head_dim"], new: int
) -> Int[Tensor, "batch"] | None:
    """Find the row of the call that each row of a step continues, as in beam search.

    Args:
        state: of the call.
        key: the keys of the step.
        new: the number of its queries, which is that of its new keys.

    Returns:
        None if some row continues none.
    """
    length, total = key.shape[2], state.keys.shape[2]
    for offset in state.offsets(length, new):
        # The new keys are at the end, or in a buffer behind those in use.
        for end in dict.fromkeys((total, state.attended_end)):
            if offset < end and end - offset <= length - new:
                mine = state.keys[:, :, offset:end].flatten(1)
                parents = _parents(mine, key[:, :, : end - offset].flatten(1))
                if parents is not None:
                    return parents
    return None


def _parents(
    mine: Float[Tensor, "batch numbers"], theirs: Float[Tensor, "batch numbers"]
) -> Int[Tensor, "batch"] | None:
    """Return the row of ``mine`` equal to each row of ``theirs``; of several, the nearest."""
    rows = []
    # Comparing one number rules out most rows.
    may_fit = (mine[:, -1] == theirs[:, -1:]).tolist()
    for row, fits in enumerate(may_fit):
        # The beams of one text are neighbouring rows.
        order = sorted(range(len(mine)), key=partial(_distance, row))
        fitting = (one for one in order if fits[one] and torch.equal(mine[one], theirs[row]))
        parent = next(fitting, None)
        if parent is None:
            return None
        rows.append(parent)
    return torch.tensor(rows, device=mine.device)


def _distance(one: int, other: int) -> int:
    return abs(one - other)


def is_uncertain(state: CallState, offset: int) -> bool:
    """Return whether some rows are equal within the window but differ before it.

    The keys of a step then do not tell which of them it continues.

    Args:
        state: of the call.
        offset: where the window begins.
    """
    keys, batch = state.keys, len(state.keys)
    if not offset or batch < 2 or offset >= keys.shape[2]:
        return False
    window, before = keys[:, :, offset:].flatten(1), keys[:, :, :offset]
    alike = (window[:, None, -1] == window[:, -1]).triu(1).nonzero().tolist()
    return any(
        torch.equal(window[one], window[other]) and not torch.equal(before[one], before[other])
        for one, other in alike
    )
