"""Groups the edited edges of an attention: queries with the same edited keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import ConfigError
from ...shapes import Bool, Int
from ..edited_tensor import check_heads
from ..edits import EdgeEdit
from ..offsets import Offsets


@dataclass(frozen=True)
class EdgeGroup:
    """Queries of some heads whose edited keys are the same.

    Attributes:
        heads: which heads; None for all.
        rows: which queries; None for all.
        removed: the keys that are masked before the softmax, for each text if texts differ; None
            for none.
        zeroed: the keys whose weight is set to 0 after it, likewise; None for none.
    """

    heads: Int[Tensor, group_heads] | None
    rows: Int[Tensor, group_rows] | None
    removed: Bool[Tensor, "*batch key_len"] | None
    zeroed: Bool[Tensor, "*batch key_len"] | None


def over_queries(keys: Bool[Tensor, "*batch key_len"]) -> Tensor:
    """Return a group's keys in a shape that broadcasts to [batch, heads, query_len, key_len]."""
    return keys if keys.ndim == 1 else keys[:, None, None]


@dataclass(frozen=True)
class _Local:
    """An edit with the queries, keys and texts counted as in one attention."""

    heads: frozenset[int] | None
    rows: frozenset[int] | None
    keys: Tensor
    renormalise: bool


def edge_groups(
    edits: Sequence[EdgeEdit],
    shape: tuple[int, int, int, int],
    offsets: Offsets,
    module: str,
    device: torch.device,
) -> list[EdgeGroup]:
    """Return the edited edges of an attention, each query of each head in at most one group.

    Args:
        edits: the edits; one whose queries or keys are not in this attention changes nothing.
        shape: (batch, heads, query_len, key_len).
        offsets: the positions of the first query and key.
        module: the module's name, for errors.
        device: where the attention is.

    Raises:
        ConfigError: there are fewer heads, another number of texts, or the positions of the queries
            are unknown.
    """
    _, heads, query_len, _ = shape
    local = [one for edit in edits if (one := _local(edit, shape, offsets, module)) is not None]
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
    edit: EdgeEdit, shape: tuple[int, int, int, int], offsets: Offsets, module: str
) -> _Local | None:
    """Return an edit as counted in an attention; None if it has no edge there."""
    batch, heads, query_len, key_len = shape
    check_heads(edit, heads, module)
    if edit.texts is not None and edit.texts.count != batch:
        raise ConfigError(
            f"{edit.words} is of single texts of a batch of {edit.texts.count}, and {module!r} "
            f"attends in a batch of {batch}."
        )
    if offsets.query is None and not (edit.queries.is_all and edit.keys.is_all):
        raise ConfigError(f"{edit.words}: {offsets.doubt}. Edges can then only be named for all.")
    rows = edit.queries.within(offsets.query or 0, query_len)
    columns = edit.keys.within(offsets.key, key_len)
    keys = torch.ones(key_len, dtype=torch.bool)
    if columns is not None:
        keys = torch.zeros(key_len, dtype=torch.bool)
        keys[columns] = True
    if not bool(keys.any()) or (rows is not None and not len(rows)):
        return None
    edit.applied = True
    if edit.texts is not None:
        own = torch.zeros(batch, 1, dtype=torch.bool)
        own[list(edit.texts.numbers)] = True
        keys = own & keys
    return _Local(
        None if edit.heads is None else frozenset(edit.heads),
        None if rows is None else frozenset(rows),
        keys,
        edit.renormalise,
    )


def _classes(count: int, sets: Sequence[frozenset[int] | None]) -> dict[tuple[int, ...], list[int]]:
    """Group the numbers below ``count`` by the sets that contain them, leaving out those in none.

    Returns:
        For each group, the indices of the sets, and the numbers that are in exactly these.
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
    """Return the union of sets of keys: for all texts, or for each text."""
    if not keys:
        return None
    union = keys[0]
    for more in keys[1:]:
        union = union | more
    return union.to(device)
