"""How many keys each query may attend to, and how many of them are near or have its token.

The counts follow from the mask and the token ids alone, so a key counts even if its weight
underflows to 0. A key that a bias of -inf hides counts as visible.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ...head_kinds import LOCAL
from ...shapes import Bool, Int
from ..measures.place_weights import same_tokens, token_rows
from ..scores.masks.key_mask import KeyMask
from ..scores.masks.key_ranges import KeyRanges
from ..scores.positions import chunks
from ..storage.stored_attention import StoredAttention


class VisiblePlaces(NamedTuple):
    """Counts of keys that may be attended to.

    Attributes:
        keys: by each query.
        near: those at most LOCAL tokens from it.
        duplicate, induction: earlier keys with its token, and earlier keys after such a key; None
            without token ids.
    """

    keys: Int[Tensor, "batch heads query_len"]
    near: Int[Tensor, "batch heads query_len"]
    duplicate: Int[Tensor, "batch heads query_len"] | None
    induction: Int[Tensor, "batch heads query_len"] | None


def attendable_keys(
    one: StoredAttention, in_text: Bool[Tensor, "batch query_len"]
) -> Bool[Tensor, "batch heads key_len"]:
    """Return whether any query of the text may attend to each key.

    Args:
        one: the map.
        in_text: False for queries that are padding.
    """
    batch, heads, query_len, key_len = one.shape
    mask = one.scoring.mask
    if mask is None:
        return in_text.any(-1)[:, None, None].expand(batch, heads, key_len)
    if isinstance(mask, KeyRanges):
        # Add 1 where a run of keys begins and -1 behind its end; the running sum counts the runs.
        sees = (mask.sees() & in_text[:, None]).expand(batch, heads, query_len).int()
        changes = sees.new_zeros((batch, heads, key_len + 1))
        changes.scatter_add_(-1, mask.start.expand(sees.shape).long(), sees)
        changes.scatter_add_(-1, mask.end.expand(sees.shape).long(), -sees)
        return changes.cumsum(-1)[..., :-1] > 0
    attendable = in_text.new_zeros((batch, heads, key_len))
    for rows in chunks(query_len, key_len * batch):
        attendable |= (_visible(one, mask, rows) & in_text[:, None, rows, None]).any(-2)
    return attendable


def visible_places(
    one: StoredAttention, ids: Int[Tensor, "batch key_len"] | None = None
) -> VisiblePlaces:
    """Count the keys that the queries of a map may attend to, in memory linear in the length.

    Args:
        one: the map.
        ids: of the keys' tokens; None leaves out the counts over tokens.
    """
    batch, heads, query_len, key_len = one.shape
    mask = one.scoring.mask
    if mask is None:
        end = torch.full((1, 1, query_len), key_len, device=one.query.device)
        mask = KeyRanges(torch.zeros_like(end), end)
    if isinstance(mask, KeyRanges):
        counts = _in_ranges(one, mask, ids)
    else:
        counts = _in_any_mask(one, mask, ids)
    whole = [count.expand(batch, heads, query_len) for count in counts]
    if ids is None:
        return VisiblePlaces(whole[0], whole[1], None, None)
    return VisiblePlaces(whole[0], whole[1], whole[2], whole[3])


def _in_ranges(
    one: StoredAttention, mask: KeyRanges, ids: Int[Tensor, "batch key_len"] | None
) -> list[Int[Tensor, "#batch #heads query_len"]]:
    """Count keys in runs, as the difference of two counts each."""
    batch, _, query_len, key_len = one.shape
    start, end = mask.start.long(), mask.end.long()
    place = torch.arange(query_len, device=start.device) + one.query_offset
    near = torch.minimum(end, place + LOCAL + 1) - torch.maximum(start, place - LOCAL)
    counts = [end - start, near.clamp(min=0)]
    if ids is None:
        return counts
    # Keys sorted by token, and in the order of the text for each token: `before` counts those in
    # front of a key.
    numbers = torch.unique(ids, return_inverse=True)[1]
    in_order = (numbers * (key_len + 1) + torch.arange(key_len, device=ids.device)).sort(-1).values
    own = torch.where(place < key_len, place, 0)
    first_of_token = (numbers[:, own] * (key_len + 1))[:, None]

    def before(key: Int[Tensor, "#batch #heads query_len"]) -> Int[Tensor, "batch heads query_len"]:
        places = (first_of_token + key).expand(batch, -1, -1).flatten(1)
        return torch.searchsorted(in_order, places).view(batch, -1, query_len)

    last = torch.minimum(end, place)
    for low, high in ((start, last), ((start - 1).clamp(min=0), last - 1)):
        between = before(torch.maximum(low, high)) - before(low)
        counts.append(between.masked_fill(place >= key_len, 0))
    return counts


def _in_any_mask(
    one: StoredAttention, mask: KeyMask, ids: Int[Tensor, "batch key_len"] | None
) -> list[Int[Tensor, "#batch #heads query_len"]]:
    """Count keys of a mask of any form, some queries at a time."""
    batch, _, query_len, key_len = one.shape
    tokens = None if ids is None else token_rows(ids, query_len, one.query_offset)
    counts: list[list[Tensor]] = []
    for rows in chunks(query_len, key_len * batch):
        visible, place = _visible(one, mask, rows), rows.start + one.query_offset
        row_counts = [visible.count_nonzero(-1), _near(visible, place)]
        if tokens is not None:
            alike = same_tokens(tokens[0][:, rows], tokens[1], place)
            row_counts += [(visible & (pairs > 0)[:, None]).count_nonzero(-1) for pairs in alike]
        counts.append(row_counts)
    return [torch.cat(parts, -1) for parts in zip(*counts, strict=True)]


def _visible(
    one: StoredAttention, mask: KeyMask, rows: slice
) -> Bool[Tensor, "#batch #heads rows key_len"]:
    """Return, for some queries, whether they may attend to each key."""
    key_len = one.shape[3]
    visible = mask.tile(rows, torch.arange(key_len, device=one.query.device))
    return visible.expand(*visible.shape[:2], rows.stop - rows.start, key_len)


def _near(
    visible: Bool[Tensor, "batch heads rows columns"], shift: int
) -> Int[Tensor, "batch heads rows"]:
    """Count the visible keys near each query's own column."""
    near = torch.zeros(visible.shape[:3], dtype=torch.int64, device=visible.device)
    for distance in range(-LOCAL, LOCAL + 1):
        diagonal = visible.diagonal(offset=shift + distance, dim1=-2, dim2=-1)
        first = max(-(shift + distance), 0)
        near[..., first : first + diagonal.shape[-1]] += diagonal
    return near
