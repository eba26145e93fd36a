"""Which edges of one attention are edited: queries in groups that have the same keys edited."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Bool, Int
from ..edits import EdgeEdit, check_heads
from ..offsets import Offsets


@dataclass(frozen=True)
class EdgeGroup:
    """Queries of some heads whose edited keys are the same.

    Attributes:
        heads: which heads; None for all.
        rows: which queries; None for all.
        removed: the keys that are masked before the softmax; None for none.
        zeroed: the keys whose weight is 0 after it; None for none.
    """

    heads: Int[Tensor, group_heads] | None
    rows: Int[Tensor, group_rows] | None
    removed: Bool[Tensor, key_len] | None
    zeroed: Bool[Tensor, key_len] | None


@dataclass(frozen=True)
class _Local:
    """An edit in the numbers of one attention."""

    heads: frozenset[int] | None
    rows: frozenset[int] | None
    keys: Tensor
    renormalise: bool


def edge_groups(
    edits: Sequence[EdgeEdit],
    shape: tuple[int, int, int],
    offsets: Offsets,
    module: str,
    device: torch.device,
) -> list[EdgeGroup]:
    """Return the edited edges of an attention, each query of each head in at most one group.

    Args:
        edits: the edits; one whose queries or keys are none of these changes nothing here.
        shape: (heads, query_len, key_len).
        offsets: the positions of the first query and key.
        module: the module's name, for errors.
        device: where the attention is.

    Raises:
        ConfigError: there are fewer heads, or where the queries stand is not known.
    """
    heads, query_len, key_len = shape
    local = [
        one
        for edit in edits
        if (one := _local(edit, heads, query_len, key_len, offsets, module)) is not None
    ]
    if not local:
        return []
    groups = []
    for head_numbers, by_head in _classes(heads, [one.heads for one in local]).items():
        mine = [local[place] for place in head_numbers]
        head_index = None if len(by_head) == heads else torch.tensor(by_head, device=device)
        for row_numbers, rows in _classes(query_len, [one.rows for one in mine]).items():
            active = [mine[place] for place in row_numbers]
            row_index = None if len(rows) == query_len else torch.tensor(rows, device=device)
            removed = _union([one.keys for one in active if one.renormalise], device)
            zeroed = _union([one.keys for one in active if not one.renormalise], device)
            groups.append(EdgeGroup(head_index, row_index, removed, zeroed))
    return groups


def _local(
    edit: EdgeEdit, heads: int, query_len: int, key_len: int, offsets: Offsets, module: str
) -> _Local | None:
    """Return an edit in the numbers of an attention; None if it has no edge there."""
    check_heads(edit, heads, module)
    if offsets.query is None and not (edit.queries.is_all and edit.keys.is_all):
        raise ConfigError(f"{edit.words}: {offsets.doubt}. Edges can then only be named for all.")
    rows = edit.queries.within(offsets.query or 0, query_len)
    columns = edit.keys.within(offsets.key, key_len)
    keys = torch.ones(key_len, dtype=torch.bool)
    if columns is not None:
        keys = torch.zeros(key_len, dtype=torch.bool).index_fill(0, columns, value=True)
    if not bool(keys.any()) or (rows is not None and not len(rows)):
        return None
    edit.applied = True
    return _Local(
        None if edit.heads is None else frozenset(edit.heads),
        None if rows is None else frozenset(rows.tolist()),
        keys,
        edit.renormalise,
    )


def _classes(count: int, sets: Sequence[frozenset[int] | None]) -> dict[tuple[int, ...], list[int]]:
    """Return which numbers below ``count`` are in the same of the sets; those in none are left out.

    Returns:
        The places of the sets, and the numbers that are in just these.
    """
    if all(one is None for one in sets):
        return {tuple(range(len(sets))): list(range(count))}
    classes: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for number in range(count):
        member = tuple(place for place, one in enumerate(sets) if one is None or number in one)
        if member:
            classes[member].append(number)
    return classes


def _union(keys: Sequence[Tensor], device: torch.device) -> Tensor | None:
    return torch.stack(list(keys)).any(0).to(device) if keys else None
